// What one domain costs, with nothing of the process around it: as a whole, and a stage at a time.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "tests/bench/guests.h"

namespace busproof::bench {
namespace {

std::string place(const std::string& text) {
  const auto document = domain::XmlDocument::parse(text);
  auto wish = domain::read_domain(*document, domain::Details::Skip);
  const auto assignment = assign::assign(*std::move(wish));
  return domain::write_places(*document, assignment->placed);
}

void count_bytes(benchmark::State& state, const std::string& text) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

void place_q35_nics(benchmark::State& state) {
  const std::string text = q35_with_nics(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(place(text));
  count_bytes(state, text);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(place_q35_nics)->Arg(1)->Arg(25)->Arg(50)->Arg(100)->Arg(200)->Complexity();

/// The argument is the size of the file in bytes.
void place_q35_server(benchmark::State& state) {
  const std::string text = q35_server(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(place(text));
  count_bytes(state, text);
}
BENCHMARK(place_q35_server)->Arg(5'000)->Arg(15'000)->Arg(30'000);

void parse_q35_server(benchmark::State& state) {
  const std::string text = q35_server(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(domain::XmlDocument::parse(text));
  count_bytes(state, text);
}
BENCHMARK(parse_q35_server)->Arg(15'000);

void read_q35_server(benchmark::State& state) {
  const std::string text = q35_server(state.range(0));
  const auto document = domain::XmlDocument::parse(text);
  for (auto _ : state) benchmark::DoNotOptimize(domain::read_domain(*document, domain::Details::Skip));
  count_bytes(state, text);
}
BENCHMARK(read_q35_server)->Arg(15'000);

void assign_q35_server(benchmark::State& state) {
  const std::string text = q35_server(state.range(0));
  const auto wish = domain::read_domain(*domain::XmlDocument::parse(text));
  for (auto _ : state) benchmark::DoNotOptimize(assign::assign(*wish));
  count_bytes(state, text);
}
BENCHMARK(assign_q35_server)->Arg(15'000);

void write_q35_server(benchmark::State& state) {
  const std::string text = q35_server(state.range(0));
  const auto document = domain::XmlDocument::parse(text);
  const auto assignment = assign::assign(*domain::read_domain(*document));
  for (auto _ : state) benchmark::DoNotOptimize(domain::write_places(*document, assignment->placed));
  count_bytes(state, text);
}
BENCHMARK(write_q35_server)->Arg(15'000);

}  // namespace
}  // namespace busproof::bench
