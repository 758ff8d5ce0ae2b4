#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace busproof::report {

/// What vendors, devices and classes are called, after the list that lspci uses (pci.ids of hwdata). Empty where the
/// list does not know them.
class PciNames {
 public:
  PciNames() = default;
  /// Of the text of a pci.ids. Lines that make no sense are passed over.
  static PciNames parse(std::string_view text);

  /// "Intel Corporation"
  [[nodiscard]] std::string vendor(std::uint16_t vendor) const;
  /// "82599ES 10-Gigabit SFI/SFP+ Network Connection"
  [[nodiscard]] std::string device(std::uint16_t vendor, std::uint16_t device) const;
  /// "Ethernet controller", of the upper 16 of the 24 bits; "Network controller" where only the base class is known.
  [[nodiscard]] std::string device_class(std::uint32_t class_code) const;

 private:
  std::map<std::uint16_t, std::string> vendors_, classes_;  ///< classes by base class and sub class
  std::map<std::uint8_t, std::string> base_classes_;
  std::map<std::uint32_t, std::string> devices_;  ///< by vendor and device
};

}  // namespace busproof::report
