/*
 * The wire formats of virtio that the guard needs: registers of a virtio,mmio window, split
 * virtqueue. The driver has its own in driver/virtio/layout.ts; the two share nothing.
 */
#ifndef TSBLK_VIRTIO_H
#define TSBLK_VIRTIO_H

#define VIRTIO_MAGIC    0x74726976
#define VIRTIO_LEGACY   1
#define VIRTIO_MODERN   2
#define VIRTIO_ID_BLOCK 2

/* Registers (§4.2.2, legacy ones §4.2.4) */
#define MagicValue        0x000
#define Version           0x004
#define DeviceID          0x008
#define VendorID          0x00c
#define DeviceFeatures    0x010
#define DeviceFeaturesSel 0x014
#define DriverFeatures    0x020
#define DriverFeaturesSel 0x024
#define GuestPageSize     0x028 /* legacy */
#define QueueSel          0x030
#define QueueSizeMax      0x034
#define QueueSize         0x038
#define QueueAlign        0x03c /* legacy */
#define QueuePFN          0x040 /* legacy */
#define QueueReady        0x044 /* modern */
#define QueueNotify       0x050
#define InterruptACK      0x064
#define Status            0x070
#define QueueDescLow      0x080 /* modern, as those below; the high half follows each */
#define QueueDriverLow    0x090
#define QueueDeviceLow    0x0a0
#define Config            0x100
#define ConfigEnd         0x200 /* struct virtio_blk_config has 96 bytes (§5.2.4) */

/* Feature bits (§6) that the guard looks at, within their half */
#define VIRTIO_F_INDIRECT_DESC (1u << 28)

/* Descriptor flags (§2.7.5), and where the parts of the second half of a descriptor are */
#define VIRTQ_DESC_F_NEXT     1u
#define VIRTQ_DESC_F_WRITE    2u
#define VIRTQ_DESC_F_INDIRECT 4u
#define VIRTQ_FLAGS_SHIFT     32
#define VIRTQ_NEXT_SHIFT      48

#define VIRTQ_DESC_BYTES 16u
/* Both rings: flags u16, idx u16, the slots, and an event word u16 behind them (§2.7.6, §2.7.8) */
#define VIRTQ_SLOTS            4u
#define VIRTQ_AVAIL_SLOT_BYTES 2u
#define VIRTQ_USED_SLOT_BYTES  8u
#define VIRTQ_RING_EXTRA_BYTES 6u

#endif
