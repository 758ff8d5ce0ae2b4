// Any bytes at all: read, placed and written. What is wrong must come out as an error, and what is written must be a
// domain again.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"

namespace busproof {
namespace {

void place(std::string text) {
  const auto document = domain::XmlDocument::parse(std::move(text));
  if (!document) return;
  auto wish = domain::read_domain(*document);
  if (!wish) return;
  const auto assignment = assign::assign(*std::move(wish));
  if (!assignment) return;

  const auto written = domain::XmlDocument::parse(domain::write_places(*document, assignment->placed));
  assert(written.has_value());
  // libvirt itself stores what it then refuses to read, such as a USB controller that it added beside model='none'.
  const auto again = domain::read_domain(*written);
  assert(again.has_value() || again.error().kind == ErrorKind::Refused);
}

}  // namespace
}  // namespace busproof

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  busproof::place({data, data + size});
  return 0;
}
