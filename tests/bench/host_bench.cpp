// The host: a made-up one of a thousand functions, and the one that runs this, beside lspci.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "engine/host/executor.h"
#include "engine/host/operations.h"
#include "engine/host/real_kernel.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/new_host.h"

namespace busproof::bench {
namespace {

constexpr std::string_view kThousand =
    "host thousand kernel=6.12\n"
    "00:00.0 8086:09a2 060000\n"
    "fill ports=111 functions=8 8086:10fb 020000 flr driver=ixgbe\n";
constexpr std::string_view kNic =
    "host nic kernel=6.12\n"
    "00:02.0 8086:10d3 020000 flr driver=e1000e\n";

fakesys::FakeKernel kernel_of(std::string_view description) {
  auto host = fakesys::new_host(description);
  if (!host) std::abort();
  return fakesys::FakeKernel(*std::move(host));
}

/// Reads and writes of attributes, one after the other.
void sysfs_operations(benchmark::State& state) {
  fakesys::FakeKernel kernel = kernel_of(kNic);
  const std::string device = "bus/pci/devices/0000:00:02.0/";
  const std::string override_to = device + "driver_override", vendor = device + "vendor", driver = device + "driver";
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernel.write(override_to, "vfio-pci"));
    benchmark::DoNotOptimize(kernel.read(override_to));
    benchmark::DoNotOptimize(kernel.read(vendor));
    benchmark::DoNotOptimize(kernel.read_link(driver));
  }
  state.SetItemsProcessed(state.iterations() * 4);
}
BENCHMARK(sysfs_operations);

/// What the kernel does for a detach and a reattach: two overrides, two unbinds, two probes.
void detach_and_reattach_writes(benchmark::State& state) {
  fakesys::FakeKernel kernel = kernel_of(kNic);
  if (!kernel.load_module("vfio-pci")) return state.SkipWithError("no vfio-pci");
  const std::string address = "0000:00:02.0", override_to = "bus/pci/devices/" + address + "/driver_override";
  for (auto _ : state) {
    bool done = kernel.write(override_to, "vfio-pci").has_value();
    done = done && kernel.write("bus/pci/drivers/e1000e/unbind", address);
    done = done && kernel.write("bus/pci/drivers_probe", address);
    done = done && kernel.write(override_to, "\n");
    done = done && kernel.write("bus/pci/drivers/vfio-pci/unbind", address);
    done = done && kernel.write("bus/pci/drivers_probe", address);
    if (!done) return state.SkipWithError("a write failed");
  }
}
BENCHMARK(detach_and_reattach_writes);

/// The same as busproof does it: each step looked at before and after, and written down before and after, in memory.
void detach_and_reattach_with_journal_and_readback(benchmark::State& state) {
  fakesys::FakeKernel kernel = kernel_of(kNic);
  if (!kernel.load_module("vfio-pci")) return state.SkipWithError("no vfio-pci");
  host::MemoryStore journals, ledger;
  const host::Machine machine{kernel, journals, ledger};
  host::Request detach{.operation = host::Operation::Detach};
  detach.devices.push_back({*host::HostAddress::parse("00:02.0")});
  const auto away = host::make_plan(*host::survey(machine, {}), detach);
  if (!away) return state.SkipWithError("no plan");
  const host::BindingPlan back = inverse(*away);
  for (auto _ : state) {
    const auto gone = host::execute(machine, *away);
    const auto home = host::execute(machine, back);
    if (gone.end != host::Outcome::End::Done || home.end != host::Outcome::End::Done)
      return state.SkipWithError("it did not go well");
  }
}
BENCHMARK(detach_and_reattach_with_journal_and_readback);

void copy_of_a_thousand(benchmark::State& state) {
  const fakesys::FakeKernel kernel = kernel_of(kThousand);
  for (auto _ : state) {
    fakesys::FakeKernel copy = kernel;
    benchmark::DoNotOptimize(copy.host());
  }
}
BENCHMARK(copy_of_a_thousand);

void scan_of_a_thousand(benchmark::State& state) {
  fakesys::FakeKernel kernel = kernel_of(kThousand);
  std::size_t devices = 0;
  for (auto _ : state) devices = host::scan(kernel)->devices.size();
  state.counters["devices"] = static_cast<double>(devices);
}
BENCHMARK(scan_of_a_thousand)->Unit(benchmark::kMillisecond);

void scan_of_this_host(benchmark::State& state) {
  std::size_t devices = 0;
  for (auto _ : state) {
    host::RealKernel kernel;
    const auto inventory = host::scan(kernel);
    if (!inventory) return state.SkipWithError("this host shows no PCI devices");
    devices = inventory->devices.size();
  }
  state.counters["devices"] = static_cast<double>(devices);
}
BENCHMARK(scan_of_this_host)->Unit(benchmark::kMillisecond)->UseRealTime();

/// What scan_of_this_host may take twice the time of.
void lspci_of_this_host(benchmark::State& state) {
  for (auto _ : state)
    if (std::system("lspci -D >/dev/null 2>&1") != 0) return state.SkipWithError("there is no lspci");
}
BENCHMARK(lspci_of_this_host)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace busproof::bench
