#pragma once

#include <memory>
#include <utility>

namespace busproof::fakesys {

/// A value that copies share until one of them is edited: what makes a copy of a whole host cheap.
template <class T>
class Cow {
 public:
  Cow() = default;
  explicit Cow(T value) : value_(std::make_shared<T>(std::move(value))) {}

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  explicit operator bool() const { return value_ != nullptr; }
  void clear() { value_.reset(); }

  /// The value for writing; from here on it is this copy's own.
  T& edit() {
    if (value_.use_count() > 1) value_ = std::make_shared<T>(*value_);
    return *value_;
  }

 private:
  std::shared_ptr<T> value_;
};

}  // namespace busproof::fakesys
