// How much faster an answer comes from busproof than from libvirtd: the same domains in one run, libvirt's define and
// dump through its C API beside our parse, assign and write.
//
//   busproof_bench_libvirt [URI...]    default: qemu:///system

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/base/memory.h"
#include "engine/domain/xml_document.h"
#include "tests/bench/guests.h"
#include "verify/libvirt_oracle.h"

namespace busproof::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

Result<std::string> place(const std::string& text) {
  const auto document = domain::XmlDocument::parse(text);
  if (!document) return std::unexpected(document.error());
  auto wish = domain::read_domain(*document, domain::Details::Skip);
  if (!wish) return std::unexpected(wish.error());
  const auto assignment = assign::assign(*std::move(wish));
  if (!assignment) return std::unexpected(assignment.error());
  return domain::write_places(*document, assignment->placed);
}

/// The median of what it took over about a second, but at least three times.
Result<Milliseconds> time_of(const std::function<Result<std::string>()>& answer) {
  constexpr std::size_t kTimesMin = 3;
  std::vector<Milliseconds> times;
  const auto begin = Clock::now();
  while (times.size() < kTimesMin || Clock::now() - begin < std::chrono::seconds(1)) {
    const auto start = Clock::now();
    const auto answered = answer();
    if (!answered) return std::unexpected(answered.error());
    times.emplace_back(Clock::now() - start);
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

Result<void> compare(verify::LibvirtOracle& libvirt, std::int64_t nics) {
  const std::string text = q35_with_nics(nics);
  const auto theirs = time_of([&] { return libvirt.answer(text); });
  if (!theirs) return std::unexpected(theirs.error());
  const auto ours = time_of([&] { return place(text); });
  if (!ours) return std::unexpected(ours.error());
  fmt::print("q35 with {:3} NICs: libvirt {:8.3f} ms, busproof {:6.3f} ms, {:5.0f} times faster\n", nics,
             theirs->count(), ours->count(), *theirs / *ours);
  return {};
}

Result<void> compare(const std::string& uri) {
  auto libvirt = verify::LibvirtOracle::open(uri);
  if (!libvirt) return std::unexpected(libvirt.error());
  fmt::print("{} ({})\n", uri, libvirt->versions());
  for (const std::int64_t nics : {25, 200})
    if (auto compared = compare(*libvirt, nics); !compared) return compared;
  return {};
}

}  // namespace
}  // namespace busproof::bench

int main(int argc, char** argv) {
  busproof::keep_freed_memory();  // as the command does that is given many files
  std::vector<std::string> uris(argv + 1, argv + argc);
  if (uris.empty()) uris.emplace_back("qemu:///system");
  for (const std::string& uri : uris) {
    if (const auto compared = busproof::bench::compare(uri); !compared) {
      fmt::print(stderr, "busproof_bench_libvirt: {}\n", compared.error().message);
      return 1;
    }
  }
  return 0;
}
