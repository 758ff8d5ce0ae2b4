#pragma once

#include <string>
#include <vector>

#include "engine/domain/domain.h"

namespace busproof::verify {

/// What differs between a recorded answer of libvirt's and ours, one text a difference ("interface 52:54:00:…: at
/// 0000:00:03.0, recorded at 0000:00:02.0"); empty when everything of the guest's PCI topology agrees. Compared,
/// nothing missing and nothing extra: PCI controllers with index, model, model name, target and address; controllers of
/// type usb, scsi, ide, sata and virtio-serial; every other device that has a PCI address on either side, zPCI ids
/// included. Both domains are as read from XML. Order is free between kinds; within one, equals are paired by document
/// order.
std::vector<std::string> differences(const domain::Domain& recorded, const domain::Domain& ours);

/// The same of two texts. Where libvirt stores what it would refuse to read again, so must we, for the same reason.
std::vector<std::string> text_differences(const std::string& recorded, const std::string& ours);

}  // namespace busproof::verify
