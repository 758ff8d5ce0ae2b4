// Two programs at work on one host at the same time, in many orders of their accesses with two changes of turn.

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/host/machine.h"

namespace busproof::host {
namespace {

/// Lets one of two threads run at a time: the first for `first` accesses, then the second for `second`, then the first
/// to its end.
class Turns {
 public:
  Turns(std::size_t first, std::size_t second) : left_{first, second} {}

  void begin(int who) {
    std::unique_lock lock(mutex_);
    wait_for(who, lock);
  }
  /// Before each access: goes on, or waits until the other has gone on.
  void access(int who) {
    std::unique_lock lock(mutex_);
    if (left_[who] > 0 && --left_[who] == 0) hand_over(who);
    wait_for(who, lock);
  }
  void end(int who) {
    const std::scoped_lock lock(mutex_);
    ended_[who] = true;
    hand_over(who);
  }

 private:
  void hand_over(int who) {
    if (ended_[1 - who]) return;
    turn_ = 1 - who;
    changed_.notify_all();
  }
  void wait_for(int who, std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return turn_ == who || ended_[1 - who]; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int turn_ = 0;
  std::array<std::size_t, 2> left_;
  std::array<bool, 2> ended_{};
};

/// The shared kernel as one of the two sees it.
class TurnKernel final : public Kernel {
 public:
  TurnKernel(Kernel& kernel, Turns& turns, int who) : kernel_(kernel), turns_(turns), who_(who) {}
  Answer<std::string> read(std::string_view path) override { return now_mine().read(path); }
  Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override {
    return now_mine().read_bytes(path, offset, count);
  }
  Answer<void> write(std::string_view path, std::string_view value) override { return now_mine().write(path, value); }
  Answer<std::vector<std::string>> list(std::string_view path) override { return now_mine().list(path); }
  Answer<std::string> read_link(std::string_view path) override { return now_mine().read_link(path); }
  Answer<void> load_module(std::string_view name) override { return now_mine().load_module(name); }
  Answer<bool> vfio_group_in_use(unsigned group) override { return kernel_.vfio_group_in_use(group); }
  std::string worker() override { return kernel_.worker(); }
  bool at_work(std::string_view worker) override { return kernel_.at_work(worker); }
  std::chrono::milliseconds now() override { return kernel_.now(); }
  void wait(std::chrono::milliseconds duration) override { kernel_.wait(duration); }

 private:
  Kernel& now_mine() {
    turns_.access(who_);
    return kernel_;
  }

  Kernel& kernel_;
  Turns& turns_;
  int who_;
};

std::string word_of(const Checked<Performance>& performance) {
  if (!performance) return std::string(to_string(performance.error().code));
  return std::string(to_string(performance->outcome.end));
}

struct Together {
  std::string first, second;  ///< how they ended
};

/// Both requests on the host, in the order that the turns say.
Together run_together(TestMachine& host, const Request& first, const Request& second, std::size_t first_turn,
                      std::size_t second_turn) {
  Turns turns(first_turn, second_turn);
  Together words;
  const auto run = [&](int who, const Request& request, std::string& word) {
    turns.begin(who);
    TurnKernel kernel(host.fake(), turns, who);
    word = word_of(perform({kernel, host.journals, host.ledger}, request));
    turns.end(who);
  };
  std::thread one([&] { run(0, first, words.first); }), two([&] { run(1, second, words.second); });
  one.join();
  two.join();
  return words;
}

/// Calls look(host, words) for orders of two requests on the host.
template <class Prepare, class Look>
void in_many_orders(std::string_view description, Prepare prepare, const Request& first, const Request& second,
                    Look look) {
  constexpr std::size_t kAccessesMax = 220, kStride = 3;
  constexpr std::array<std::size_t, 7> kSecondTurns = {1, 30, 60, 90, 120, 150, 1000};
  for (std::size_t i = 1; i < kAccessesMax; i += kStride) {
    for (const std::size_t j : kSecondTurns) {
      TestMachine host(description);
      prepare(host);
      const Together words = run_together(host, first, second, i, j);
      look(host, words);
      EXPECT_TRUE(host.journals.files().empty());
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << "turns of " << i << " and " << j << " accesses: " << words.first << " and " << words.second;
        return;
      }
    }
  }
}

constexpr std::string_view kTwoCards = R"(host cards kernel=6.18
00:01.0 8086:10d3 020000 flr driver=e1000e
00:02.0 8086:100e 020000 flr driver=e1000
)";

void nothing_before(TestMachine&) {}

TEST(Interleaving, TwoDetachesOfOneDeviceAreOneDetach) {
  const Request detach = TestMachine::request(Operation::Detach, {"00:01.0"});
  in_many_orders(kTwoCards, nothing_before, detach, detach, [](TestMachine& host, const Together& words) {
    EXPECT_TRUE(words.first == "done" || words.second == "done");
    for (const std::string& word : {words.first, words.second})
      EXPECT_TRUE(word == "done" || word == "already" || word == "busy-operation") << word;
    EXPECT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
    EXPECT_EQ(host.lists(), "1/0");
    EXPECT_EQ(host.reattach({"00:01.0"}), "done");
    EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  });
}

TEST(Interleaving, DevicesOfTwoGroupsDoNotMeet) {
  in_many_orders(kTwoCards, nothing_before, TestMachine::request(Operation::Detach, {"00:01.0"}),
                 TestMachine::request(Operation::Detach, {"00:02.0"}), [](TestMachine& host, const Together& words) {
                   EXPECT_EQ(words.first, "done");
                   EXPECT_EQ(words.second, "done");
                   EXPECT_EQ(host.lists(), "2/0");
                 });
}

TEST(Interleaving, ADeviceGoesToOneOfTwoGuests) {
  Request one = TestMachine::request(Operation::Prepare, {"00:01.0"}), two = one;
  one.owner = Owner{"qemu", "dom1"};
  two.owner = Owner{"qemu", "dom2"};
  in_many_orders(kTwoCards, nothing_before, one, two, [](TestMachine& host, const Together& words) {
    EXPECT_EQ((words.first == "done") + (words.second == "done"), 1);
    EXPECT_EQ(host.lists(), "0/1");
    EXPECT_EQ(host.stop(words.first == "done" ? "dom1" : "dom2"), "done");
    EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  });
}

TEST(Interleaving, TwoGuestsNeverShareAGroup) {
  Request one = TestMachine::request(Operation::Prepare, {"01:00.0"});
  one.owner = Owner{"qemu", "dom1"};
  one.group = GroupPolicy::Companions;
  Request two = TestMachine::request(Operation::Prepare, {"01:00.1"});
  two.owner = Owner{"qemu", "dom2"};
  two.group = GroupPolicy::Companions;
  in_many_orders(kHostGpu, nothing_before, one, two, [](TestMachine& host, const Together& words) {
    EXPECT_EQ((words.first == "done") + (words.second == "done"), 1);
    EXPECT_EQ(host.lists(), "0/2");
  });
}

TEST(Interleaving, ADetachAndAReattachLeaveOneOfTheirEnds) {
  in_many_orders(
      kTwoCards, [](TestMachine& host) { ASSERT_EQ(host.detach({"00:01.0"}), "done"); },
      TestMachine::request(Operation::Reattach, {"00:01.0"}), TestMachine::request(Operation::Detach, {"00:01.0"}),
      [](TestMachine& host, const Together&) {
        const bool away = host.state("00:01.0") == "vfio-pci/vfio-pci" && host.lists() == "1/0";
        const bool home = host.state("00:01.0") == "e1000e/-" && host.lists() == "0/0";
        EXPECT_TRUE(away || home) << host.state("00:01.0") << ' ' << host.lists();
      });
}

}  // namespace
}  // namespace busproof::host
