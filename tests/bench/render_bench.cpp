// What pictures cost: of the largest guests and hosts, and of the pages of a fleet.

#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <string>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/host/inventory.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/recorded_host.h"
#include "tests/bench/guests.h"
#include "viz/guest_graph.h"
#include "viz/host_graph.h"
#include "viz/page.h"
#include "viz/render.h"

namespace busproof::bench {
namespace {

domain::PlacedDomain placed(const std::string& text) {
  const auto document = domain::XmlDocument::parse(text);
  return assign::assign(domain::read_domain(*document).value()).value().placed;
}

/// The argument is the number of NICs, each behind a port of its own.
void draw_q35_nics(benchmark::State& state) {
  const domain::PlacedDomain guest = placed(q35_with_nics(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(viz::render(viz::guest_graph(guest), viz::Format::Svg));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(draw_q35_nics)->Arg(1)->Arg(25)->Arg(50)->Arg(100)->Arg(200)->Complexity()->Unit(benchmark::kMillisecond);

void draw_a_host_of_a_thousand_functions(benchmark::State& state) {
  std::ifstream file(BUSPROOF_SOURCE_DIR "/corpus/hosts/thousand.json", std::ios::binary);
  fakesys::FakeKernel kernel(fakesys::load_host(std::string(std::istreambuf_iterator<char>(file), {})).value());
  const host::Inventory inventory = host::scan(kernel).value();
  for (auto _ : state)
    benchmark::DoNotOptimize(viz::render(viz::host_graph(inventory, {}, {}, "host"), viz::Format::Svg));
}
BENCHMARK(draw_a_host_of_a_thousand_functions)->Unit(benchmark::kMillisecond);

/// A page and a thumbnail, as an index of a thousand has a thousand times.
void make_a_page_of_a_server(benchmark::State& state) {
  const domain::PlacedDomain guest = placed(q35_server(15'000));
  for (auto _ : state) {
    viz::PageEntry entry{.name = "web01", .file = "web01.xml", .graph = viz::guest_graph(guest)};
    entry.svg = viz::render(entry.graph, viz::Format::Svg).value().bytes;
    benchmark::DoNotOptimize(viz::page("web01", {entry}));
  }
}
BENCHMARK(make_a_page_of_a_server)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace busproof::bench
