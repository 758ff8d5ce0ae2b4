#include "fakesys/profile.h"

#include <utility>

#include "engine/base/text.h"

namespace busproof::fakesys {
namespace {

using Version = std::pair<std::uint64_t, std::uint64_t>;

Version version_of(std::string_view release) {
  const auto major = leading_number(release, Radix::Decimal);
  if (!major) return {0, 0};
  if (!major->rest.starts_with('.')) return {major->magnitude, 0};
  const auto minor = leading_number(major->rest.substr(1), Radix::Decimal);
  return {major->magnitude, minor ? minor->magnitude : 0};
}

}  // namespace

const KernelProfile& profile_for(std::string_view release) {
  const Version wanted = version_of(release);
  const KernelProfile* best = &kProfiles[0];
  for (const KernelProfile& profile : kProfiles) {
    if (version_of(profile.version) <= wanted) best = &profile;
  }
  return *best;
}

}  // namespace busproof::fakesys
