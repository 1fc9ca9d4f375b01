/**
 * The one StateFS of the shell: `statefs` mounts it, dd, cmp and selftest use what is mounted. Only
 * the command in the foreground does, or the completion of keys while there is none.
 */
import { StateFs } from "../statefs/store";
import { place } from "../util/arena";

let store!: StateFs;
let isPlaced: bool = false;

/** The store; placed by the first command that asks for it, at start. */
export function theStore(): StateFs {
  if (isPlaced) return store;
  isPlaced = true;
  store = place<StateFs>();
  store.init();
  return store;
}
