#include "fakesys/fake_kernel.h"

#include <algorithm>
#include <cerrno>

#include "fakesys/modules.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

std::unexpected<host::Failure> failed(int error) { return std::unexpected(host::Failure{error}); }
std::unexpected<host::Failure> pending() { return std::unexpected(host::Failure{ETIMEDOUT, true}); }

}  // namespace

host::Answer<void> FakeKernel::await(CallId call) {
  Model& model = host_.model;
  const std::int64_t until = model.now_ms() + deadline_.count();
  for (;;) {
    if (const auto error = model.take_result(call)) {
      if (*error != 0) return failed(*error);
      return {};
    }
    const auto wake = model.next_wake_ms();
    if (model.now_ms() >= until) {
      left_behind_.push_back(call);
      return pending();
    }
    model.advance(wake ? std::min(*wake, until) - model.now_ms() : until - model.now_ms());
  }
}

host::Answer<std::string> FakeKernel::read(std::string_view path) {
  const auto answer = [](int error, std::string& text) -> host::Answer<std::string> {
    if (error != 0) return failed(error);
    if (text.ends_with('\n')) text.pop_back();
    return std::move(text);
  };
  if (auto text = read_at_once(host_, path)) return answer(text->error, text->text);
  const auto file = open_file(host_, path, {.reading = true});
  if (file.error != 0) return failed(file.error);
  IoResult result = read_file(host_, file.value);
  if (const CallId call = result.waiting; call != 0) {
    if (auto waited = await(call); !waited) return std::unexpected(waited.error());
    result = read_waited(host_, file.value, call);
  }
  return answer(result.error, result.data);
}

host::Answer<std::string> FakeKernel::read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) {
  const auto file = open_file(host_, path, {.reading = true});
  if (file.error != 0) return failed(file.error);
  IoResult result = read_at(host_, file.value, offset, count);
  if (result.error != 0) return failed(result.error);
  return std::move(result.data);
}

host::Answer<void> FakeKernel::write(std::string_view path, std::string_view value) {
  const auto file = open_file(host_, path, {.writing = true});
  if (file.error != 0) return failed(file.error);
  const IoResult result = write_file(host_, file.value, value);
  if (result.waiting != 0) return await(result.waiting);
  if (result.error != 0) return failed(result.error);
  return {};
}

host::Answer<std::vector<std::string>> FakeKernel::list(std::string_view path) {
  auto found = list_directory(host_, path);
  if (found.error != 0) return failed(found.error);
  return std::move(found.value);
}

host::Answer<std::string> FakeKernel::read_link(std::string_view path) {
  auto found = fakesys::read_link(host_, path);
  if (found.error != 0) return failed(found.error);
  return std::move(found.value);
}

host::Answer<void> FakeKernel::load_module(std::string_view name) {
  std::string file_name(name);
  std::ranges::replace(file_name, '-', '_');
  Tasks tasks;
  if (const int error = load_module_with_needs(host_, file_name, tasks); error != 0) return failed(error);
  const CallStatus status = host_.model.call(std::move(tasks));
  if (!status.done) return await(status.id);
  return {};
}

bool FakeKernel::at_work(std::string_view worker) {
  std::erase_if(left_behind_, [&](CallId call) { return !host_.model.under_way(call); });
  return worker == this->worker() && !left_behind_.empty();
}

host::Answer<bool> FakeKernel::vfio_group_in_use(unsigned group) {
  const Group* found = host_.model.group(static_cast<int>(group));
  if (found == nullptr) return failed(ENOENT);
  return found->open_file != 0;
}

}  // namespace busproof::fakesys
