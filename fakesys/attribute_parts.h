#pragma once

#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "fakesys/attributes.h"
#include "fakesys/host.h"

/// What the tables of attributes are made of: each subject's rows, and the few words that all of them use. For the
/// sources of this folder only.
namespace busproof::fakesys {

std::span<const AttributeRow> device_rows();
std::span<const AttributeRow> binding_rows();
std::span<const AttributeRow> hotplug_rows();
std::span<const AttributeRow> sriov_rows();
std::span<const AttributeRow> bus_rows();

inline Slot slot_of(const Node& node) { return node.device.slot; }

inline Text line(std::string text) { return {0, std::move(text) + '\n'}; }
inline Text flag_line(bool on) { return line(on ? "1" : "0"); }

/// Up to a NUL, as the kernel sees a text that was written.
inline std::string_view c_string(std::string_view data) { return data.substr(0, data.find('\0')); }

/// A name as bind, unbind and drivers_probe take it: at most one newline behind it.
inline std::string_view streq_name(std::string_view data) {
  data = c_string(data);
  if (data.ends_with('\n')) data.remove_suffix(1);
  return data;
}

/// The device of that exact name.
inline Slot device_named(const Host& host, std::string_view data) { return host.model.find(streq_name(data)); }

inline Effect refuse(int error) { return {error, {}}; }
inline Effect done() { return {}; }

}  // namespace busproof::fakesys
