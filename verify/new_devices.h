#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/domain/domain.h"
#include "engine/pci/controller_model.h"

/// The devices that a history may add: one row a sort.
namespace busproof::verify {

struct NewDevice {
  std::string_view name;  ///< as a history calls it
  std::uint32_t weight;
  bool x86_only;
  bool once;             ///< a domain has at most one
  std::string_view xml;  ///< the element without address; {0} is its number, {1} letters for it
};
std::span<const NewDevice> new_devices();

struct NewController {
  std::string_view name;
  std::uint32_t weight;
  bool express, conventional;  ///< on which root
  pci::ControllerModel model;
};
std::span<const NewController> new_controllers();

/// The element of row `row` with that number, its alias included.
std::string xml_of_new(std::uint32_t row, std::uint32_t id);
/// What the reader makes of it.
domain::Device new_device(std::uint32_t row, std::uint32_t id);
domain::Device new_controller(std::uint32_t row, std::uint32_t id, std::uint32_t index);

}  // namespace busproof::verify
