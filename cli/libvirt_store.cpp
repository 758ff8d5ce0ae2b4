#include "cli/libvirt_store.h"

#include <fmt/format.h>

#include <utility>

#include "verify/libvirt_oracle.h"

namespace busproof::cli {

Result<std::unique_ptr<LibvirtStore>> LibvirtStore::open(const std::string& uri) {
  auto domains = verify::LibvirtOracle::stored(uri);
  if (!domains) return std::unexpected(domains.error());
  if (domains->empty())
    return Refusal(Error{ErrorKind::Unsupported, "", fmt::format("no domain is defined at {}", uri)});
  auto store = std::make_unique<LibvirtStore>();
  for (verify::StoredDomain& domain : *domains) {
    store->entries_.push_back({.key = domain.name + ".xml",
                               .name = fmt::format("libvirt:{}:{}", uri, domain.name),
                               .chosen = true,
                               .missed = false});
    store->texts_.push_back(std::move(domain.xml));
  }
  return store;
}

}  // namespace busproof::cli
