#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>

namespace busproof {

/// Who is at fault, and so which exit code the command ends with.
enum class ErrorKind : std::uint8_t {
  Unreadable,   ///< not a file, not XML, not a domain: nothing can be said about it (exit 2)
  Refused,      ///< libvirt would not define this domain (exit 1)
  Unsupported,  ///< libvirt might take it, but busproof does not model it (exit 3)
};

/// What was refused, of which thing as its user knows it, why, and what would be right. The *where* is a byte offset
/// into the text that was read; whoever knows the file turns it into line and column.
struct Error {
  ErrorKind kind = ErrorKind::Refused;
  std::string rule;      ///< stable id of the rule, "E305"; the ids of ../shared/spec/allocation.md section 7
  std::string message;   ///< libvirt's own text, prefix included: "XML error: Attempted double use of PCI Address …"
  std::string device{};  ///< "interface 52:54:00:aa:bb:cc"; empty when the whole domain is meant
  std::string remedy{};  ///< what would work, a sentence without its full stop; may be empty
  std::optional<std::size_t> offset{};

  friend bool operator==(const Error&, const Error&) = default;
};

/// A value, or the reason why there is none. A refusal is a value; a bug is an assertion.
template <class T>
using Result = std::expected<T, Error>;

using Refusal = std::unexpected<Error>;

/// `return refused("E305", "XML error: …")`, then `.error().remedy = …` where there is more to say.
[[nodiscard]] inline Refusal refused(std::string rule, std::string message, std::string remedy = {}) {
  return Refusal(Error{ErrorKind::Refused, std::move(rule), std::move(message), {}, std::move(remedy), {}});
}

}  // namespace busproof
