// p2p_dispatch_waiting [JOBS]: simulates waiting times with the real Dispatcher, and compares them with an ideal first-come queue on the
// same arrivals. Exits with 1 when a limit is exceeded. Poisson arrivals at 85 % load, each from another owner; lognormal durations (mean 1
// s, coefficient of variation 1); workers of speeds 1, 1, 0.5 and 2; events of workers arrive 20 ms late. Then measures how many jobs of a
// burst of 50 start before the job that another owner submits after it.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <queue>
#include <random>

#include "services/dispatch/dispatcher.hpp"

namespace p2p::dispatch {
namespace {

constexpr std::array kSpeeds{1.0, 1.0, 0.5, 2.0};
constexpr double kLoad = 0.85;
constexpr double kLate = 0.020;
constexpr double kLimit = 1.25;
constexpr std::size_t kBurst = 50;
constexpr int kLimitBehindBurst = 2;

struct Job {
  double arrival = 0;
  double work = 0;
  std::string owner;
};

std::lognormal_distribution<double> work_distribution() {
  const double sigma = std::sqrt(std::log(2.0));
  return std::lognormal_distribution<double>(-sigma * sigma / 2, sigma);
}

std::vector<Job> make_jobs(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  auto work = work_distribution();
  double speed = 0;
  for (const double each : kSpeeds) speed += each;
  std::exponential_distribution<double> gap(kLoad * speed);
  std::vector<Job> jobs(count);
  double at = 0;
  for (std::size_t i = 0; i < count; ++i) jobs[i] = {at += gap(random), work(random), std::to_string(i)};
  return jobs;
}

/// 50 jobs of one owner at once, and one of another owner shortly afterwards.
std::vector<Job> make_burst(unsigned seed) {
  std::mt19937_64 random(seed);
  auto work = work_distribution();
  std::vector<Job> jobs(kBurst + 1);
  for (Job& job : jobs) job = {0, work(random), "u"};
  jobs.back().arrival = 0.1;
  jobs.back().owner = "v";
  return jobs;
}

double percentile_95(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() * 95 / 100];
}

/// First come, first served, by the fastest idle worker, without delays.
double ideal(const std::vector<Job>& jobs) {
  std::array<double, kSpeeds.size()> free{};
  std::vector<double> waits;
  for (const Job& job : jobs) {
    const double start = std::max(job.arrival, *std::ranges::min_element(free));
    std::size_t best = free.size();
    for (std::size_t i = 0; i < free.size(); ++i) {
      if (free[i] <= start && (best == free.size() || kSpeeds[i] > kSpeeds[best])) best = i;
    }
    free[best] = start + job.work / kSpeeds[best];
    waits.push_back(start - job.arrival);
  }
  return percentile_95(waits);
}

class Simulation {
 public:
  explicit Simulation(const std::vector<Job>& jobs) : jobs_(jobs), waits_(jobs.size()) {
    std::vector<Worker> workers;
    for (std::size_t i = 0; i < kSpeeds.size(); ++i) workers.push_back({std::to_string(i), {{"m", {static_cast<int>(i)}}}});
    dispatcher_.set_workers(workers);
  }

  /// The waiting time of each job, in seconds.
  const std::vector<double>& run() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) at(jobs_[i].arrival, Kind::arrival, i);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      handle(event);
    }
    return waits_;
  }

 private:
  enum class Kind { arrival, drawn, reported_started, reported_progress, reported_drawn, check };
  struct Event {
    double time;
    Kind kind;
    std::size_t job;
    double fraction;
    bool operator>(const Event& other) const { return time > other.time; }
  };
  struct SimulatedWorker {
    std::queue<std::size_t> queue;
    bool busy = false;
  };

  static Time time_of(double seconds) { return from_millis(static_cast<std::int64_t>(seconds * 1000)); }
  void at(double time, Kind kind, std::size_t job, double fraction = 0) { events_.push({time, kind, job, fraction}); }

  void handle(const Event& event) {
    const std::string id = std::to_string(event.job);
    const Time now = time_of(event.time);
    switch (event.kind) {
      case Kind::arrival:
        dispatcher_.add({id, jobs_[event.job].owner, "m", now});
        break;
      case Kind::drawn: {
        SimulatedWorker& worker_state = workers_[owner_.at(event.job)];
        worker_state.busy = false;
        begin(worker_state, owner_.at(event.job), event.time);
        return;
      }
      case Kind::reported_started:
        dispatcher_.started(id, "w0", now);
        break;
      case Kind::reported_progress:
        dispatcher_.progressed(id, event.fraction, now);
        break;
      case Kind::reported_drawn:
        dispatcher_.progressed(id, 1, now);
        dispatcher_.ended(id);
        break;
      case Kind::check:
        if (event.time < next_check_) return;
        next_check_ = 0;
        break;
    }
    for (const Assignment& dispatch : dispatcher_.next(now)) {
      const auto worker = static_cast<std::size_t>(dispatch.partition);
      workers_[worker].queue.push(std::stoul(dispatch.id));
      begin(workers_[worker], worker, event.time);
    }
    if (const auto again = dispatcher_.next_check_at()) {
      const double time = static_cast<double>(to_millis(*again)) / 1000 + 0.001;
      if (next_check_ == 0 || time < next_check_) at(next_check_ = time, Kind::check, 0);
    }
  }

  void begin(SimulatedWorker& worker_state, std::size_t worker, double time) {
    if (worker_state.busy || worker_state.queue.empty()) return;
    const std::size_t job = worker_state.queue.front();
    worker_state.queue.pop();
    worker_state.busy = true;
    owner_[job] = worker;
    waits_[job] = time - jobs_[job].arrival;
    const double length = jobs_[job].work / kSpeeds[worker];
    at(time + kLate, Kind::reported_started, job);
    for (int tenth = 1; tenth < 10; ++tenth) at(time + length * tenth / 10 + kLate, Kind::reported_progress, job, tenth / 10.0);
    at(time + length, Kind::drawn, job);
    at(time + length + kLate, Kind::reported_drawn, job);
  }

  const std::vector<Job>& jobs_;
  std::vector<double> waits_;
  Dispatcher dispatcher_{{}};
  std::array<SimulatedWorker, kSpeeds.size()> workers_;
  std::map<std::size_t, std::size_t> owner_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  double next_check_ = 0;
};

}  // namespace
}  // namespace p2p::dispatch

int main(int argc, char** argv) {
  using namespace p2p::dispatch;
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  double worst = 0;
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const auto jobs = make_jobs(count, seed);
    const double best = ideal(jobs);
    const double ours = percentile_95(Simulation(jobs).run());
    std::cout << "seed " << seed << ": 95 of 100 wait at most " << ours << " s; ideally " << best << " s; ratio " << ours / best << '\n';
    worst = std::max(worst, ours / best);
  }
  std::cout << "worst ratio " << worst << ", limit " << kLimit << '\n';
  int before = 0;
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const auto jobs = make_burst(seed);
    Simulation simulation(jobs);
    const auto& waits = simulation.run();
    const double asked = jobs.back().arrival;
    const auto begun =
        std::count_if(waits.begin(), waits.end() - 1, [&](double wait) { return wait > asked && wait < asked + waits.back(); });
    before = std::max(before, static_cast<int>(begun));
  }
  std::cout << "behind a burst of " << kBurst << ": " << before << " of its jobs at most begin before another owner's one, limit "
            << kLimitBehindBurst << '\n';
  return worst <= kLimit && before <= kLimitBehindBurst ? 0 : 1;
}
