// A program outside the project: it knows busproof only as installed.
#include <iostream>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"

int main() {
  const auto document = busproof::domain::XmlDocument::parse(R"(<domain type='qemu'>
  <name>consumer</name>
  <memory>65536</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <interface type='user'>
      <mac address='52:54:00:00:00:01'/>
      <model type='virtio'/>
    </interface>
  </devices>
</domain>
)");
  const auto wish = busproof::domain::read_domain(*document);
  const auto assignment = busproof::assign::assign(*wish);
  std::cout << busproof::domain::write_places(*document, assignment->placed);
}
