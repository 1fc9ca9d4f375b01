/** All commands, in the order in which `help` lists them: a new one is added here. */
import { place } from "../../util/arena";
import { initBulk } from "../bulk";
import { addCommand, initCommandTable } from "../table";
import { Blkdevs } from "./blkdevs";
import { Blkinfo } from "./blkinfo";
import { Blkperf } from "./blkperf";
import { Cache } from "./cache";
import { Dd } from "./dd";
import { Diagnose } from "./diagnose";
import { Discard } from "./discard";
import { Erase } from "./erase";
import { Flush } from "./flush";
import { Help } from "./help";
import { Iostat } from "./iostat";
import { Poweroff } from "./poweroff";
import { Queue } from "./queue";
import { Reboot } from "./reboot";
import { Reset } from "./reset";
import { Serial } from "./serial";
import { Timeout } from "./timeout";
import { Zero } from "./zero";

/** Places all commands. Called once. */
export function addAllCommands(): void {
  initCommandTable();
  initBulk();
  addCommand(place<Help>());
  addCommand(place<Blkdevs>());
  addCommand(place<Blkinfo>());
  addCommand(place<Dd>());
  addCommand(place<Flush>());
  addCommand(place<Discard>());
  addCommand(place<Zero>());
  addCommand(place<Erase>());
  addCommand(place<Serial>());
  addCommand(place<Cache>());
  addCommand(place<Iostat>());
  addCommand(place<Blkperf>());
  addCommand(place<Timeout>());
  addCommand(place<Queue>());
  addCommand(place<Reset>());
  addCommand(place<Diagnose>());
  addCommand(place<Poweroff>());
  addCommand(place<Reboot>());
}
