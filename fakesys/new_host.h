#pragma once

#include <string_view>

#include "engine/base/result.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

/// A host made up from a short description, a line a thing; # begins a comment. Words after the first few may come in
/// any order.
///
///     host desktop kernel=6.12 nodes=1          iommu=off, nointremap, identity: as it says
///     00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport
///     01:00.0 10de:2204 030000 pm driver=nouveau boot-vga
///     01:00.1 10de:1aef 040300 driver=snd_hda_intel
///     fill ports=110 functions=8 8086:10fb 020000 flr driver=ixgbe
///     module mlx5_vfio_pci drivers=mlx5_vfio_pci needs=vfio_pci_core available
///     alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci
///     file /proc/cmdline quiet                          a line more of that file
///     link class/block/nvme0n1 ../../devices/pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1
///
/// Words of a function: port=root|up|down|to-pci|pci and bus=NN for a bridge; flr, pm, af for the resets that it has;
/// acs; conventional; multifunction; driver=NAME, the driver that has its id; override=NAME; numa=N; sub=VVVV:DDDD;
/// rev=XX; vfs=N, offset=N, stride=N, vf=DDDD; group=N, whatever the rules say; boot-vga. A bus that no bridge leads to
/// is a root bus. vfio-pci and pci-stub are there, not loaded, with what they need. Errors: the line, and what is wrong
/// with it.
Result<Host> new_host(std::string_view description);

}  // namespace busproof::fakesys
