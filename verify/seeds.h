#pragma once

#include <rapidcheck.h>

#include <cstdint>

namespace busproof::verify {

/// Numbers of 64 random bits at every size, which do not shrink.
inline rc::Gen<std::uint64_t> seeds() {
  return {[](const rc::Random& random, int) {
    rc::Random copy = random;
    return rc::shrinkable::just(static_cast<std::uint64_t>(copy.next()));
  }};
}

}  // namespace busproof::verify
