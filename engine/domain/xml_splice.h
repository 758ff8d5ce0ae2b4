#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace busproof::domain {

/// Changes to a text that is left as it is: pieces of it that are to become other text.
class Splices {
 public:
  /// `usual_bytes`: how much is usually inserted.
  explicit Splices(std::size_t usual_bytes) { inserted_.reserve(usual_bytes); }

  /// `length` bytes from `offset` on are to become `text`. They must not overlap; what is inserted at one offset keeps
  /// its order and comes before what replaces the bytes there.
  void add(std::size_t offset, std::size_t length, std::string_view text) {
    add_written(offset, length, [&](std::string& inserted) { inserted += text; });
  }
  /// The same with what `write(std::string&)` appends.
  template <class Write>
  void add_written(std::size_t offset, std::size_t length, const Write& write) {
    const std::size_t begin = inserted_.size();
    write(inserted_);
    splices_.push_back({offset, length, begin, inserted_.size() - begin});
  }

  /// The text with all of them made.
  [[nodiscard]] std::string made_in(std::string_view text) const;

 private:
  struct Splice {
    std::size_t offset = 0, length = 0;
    std::size_t begin = 0, size = 0;  ///< in `inserted_`
  };
  std::vector<Splice> splices_;
  std::string inserted_;  ///< the new texts, one after the other
};

}  // namespace busproof::domain
