#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

/// What a running libvirt says. The library is loaded when an oracle is opened: nothing here needs libvirt to be built
/// or started.
namespace busproof::verify {

/// A definition as libvirt prints it.
struct StoredDomain {
  std::string name;
  std::string xml;  ///< the inactive one
};

class LibvirtOracle {
 public:
  /// What is defined at that URI, sorted by name; nothing is changed, and no more than reading is asked for. A domain
  /// that is undefined meanwhile is left out. Errors: Unsupported, as for open().
  static Result<std::vector<StoredDomain>> stored(const std::string& uri);

  /// Connects, and removes what interrupted runs left behind. `uri`: "qemu:///system", or "qemu:///embed?root=DIR" for
  /// libvirt's QEMU driver inside this process, with all its files below DIR.
  /// Errors: Unsupported when libvirt.so.0 cannot be loaded or nobody answers at that URI.
  static Result<LibvirtOracle> open(const std::string& uri);

  /// The inactive XML that libvirt stores for the domain. It is defined under a name and UUID of its own, so that no
  /// domain of the user's is touched, and undefined again before this returns.
  /// Errors: Refused, with libvirt's text.
  Result<std::string> answer(std::string_view xml);

  /// Whether a guest saved as `before` could be restored as `after`, by libvirt's own check of two definitions. Both
  /// are as answer() gave them, the second one changed. No guest is started: `image` is a file that this makes, libvirt
  /// reads and overwrites, and the caller removes. Errors: Refused, with libvirt's text, which begins with "unsupported
  /// configuration: Target" where the check failed.
  Result<void> would_restore(std::string_view before, std::string_view after, const std::string& image);

  /// "libvirt 9.0.0, QEMU 7.2.22".
  [[nodiscard]] std::string versions() const;

  LibvirtOracle(LibvirtOracle&&) noexcept;
  LibvirtOracle& operator=(LibvirtOracle&&) noexcept;
  ~LibvirtOracle();

 private:
  struct Connection;
  explicit LibvirtOracle(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

/// Whether libvirt's refusal is about what the QEMU beside it can do, and not about places: another build may differ.
bool is_about_qemu(std::string_view refusal);
/// Whether there is no QEMU at all for the architecture.
bool is_about_missing_qemu(std::string_view refusal);

/// The domain's text under another name and without its UUID; everything else stays. The text must be well-formed.
std::string renamed(std::string_view xml, std::string_view name);

}  // namespace busproof::verify
