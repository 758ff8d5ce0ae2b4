#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fakesys/place.h"

namespace busproof::fakesys {

/// Who makes a call. Nobody may do less than root: file modes count, and some attributes ask for CAP_SYS_ADMIN.
enum class Caller : std::uint8_t { Root, Nobody };

/// What a read finds: a text, or an errno.
struct Text {
  int error = 0;
  std::string text{};
};

/// What a write sets off: an errno at once, or tasks for the model.
struct Effect {
  int error = 0;
  Tasks tasks{};
};

struct StoreCall {
  std::string_view data;
  Caller caller = Caller::Root;
};

/// Whether a read has to wait for the device's lock.
enum class ReadLock : std::uint8_t { None, Override, NumVfs, Uevent };

/// What a read of an attribute gives and what a write of it does. One row for each attribute that the model knows.
struct AttributeRow {
  Place place;
  std::string_view name;
  unsigned mode;
  bool (*exists)(const Host&, const Node&);               ///< null: always
  Text (*show)(const Host&, const Node&);                 ///< null: EIO
  Effect (*store)(Host&, const Node&, const StoreCall&);  ///< null: EIO
  ReadLock read_lock = ReadLock::None;
  bool binary = false;
  bool else_recorded = false;  ///< where the row does not apply, the capture's own text does
};

/// The row of an attribute in such a place; null if the model knows none.
const AttributeRow* attribute_row(Place place, std::string_view name);
/// All rows of a place.
std::span<const AttributeRow> attribute_rows(Place place);

/// Whether a text written to a `uevent` asks for an event: an action, and behind it, if anything, the event's own UUID
/// with variables of the caller's. Source: lib/kobject_uevent.c, kobject_synth_uevent()
bool is_synthetic_event(std::string_view data);

/// The binary attributes, read and written at an offset.
Text read_binary(const Host& host, const Node& node, std::string_view name, std::uint64_t offset, std::size_t count,
                 Caller caller);
/// Gives the number of bytes taken, through `taken`.
int write_binary(Host& host, const Node& node, std::string_view name, std::uint64_t offset, std::string_view data,
                 std::size_t& taken);
/// The size that stat(2) shows.
std::size_t binary_size(const Host& host, const Node& node, std::string_view name);

}  // namespace busproof::fakesys
