#include "app/bench_service.hpp"

#include <iostream>
#include <semaphore>
#include <unordered_map>

#include "app/command_line.hpp"
#include "app/interrupts.hpp"
#include "app/peak_memory.hpp"
#include "app/service_process.hpp"
#include "app/table.hpp"
#include "base/json.hpp"
#include "base/random_id.hpp"
#include "platform/messages/messages.hpp"
#include "services/worker/image_generators.hpp"
#include "services/worker/worker.hpp"

namespace p2p::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kModel = "bench";
constexpr std::ptrdiff_t kInFlight = 500;
constexpr double kLimitThrough = 2000;  // requests per second
constexpr double kLimitStored = 100;    // requests per second
constexpr double kLimitMemory = 1.1;    // memory at the end relative to a fifth of the run, when all buffers are filled

/// A store that drops everything, to measure the queue alone.
class NoStore : public blob::BlobStore {
 public:
  void put(const std::string&, std::string_view, std::string_view) override {}
  std::string get(const std::string& key) override { throw blob::BlobError(blob::BlobError::Kind::missing, key); }
  void remove(const std::string&) override {}
  std::optional<std::string> link(const std::string&, Time) const override { return std::nullopt; }
  std::chrono::seconds longest_link() const override { return std::chrono::seconds(1); }
  void remove_before(std::chrono::sys_days) override {}
};

struct Figures {
  double per_second = 0;
  double median_ms = 0;  ///< time from the producer to the event
  double memory_growth = 1;
};

/// Sends `count` requests through one worker whose drawings take no time. Throws Cancelled.
Figures measure(bus::Bus& bus, blob::BlobStore& store, int count, const std::stop_token& stop) {
  Metrics metrics;
  worker::WorkerConfig config{.name = "bench-" + random_hex(4), .generators = {}, .uploads = {}, .partitions = 8};
  config.generators[kModel] = worker::flat_generator({}, "prompt2pic " P2P_VERSION);
  worker::Worker worker(bus, store, metrics, std::move(config));
  std::jthread working([&](const std::stop_token& over) { worker.run(over); });
  while (!worker.problem().empty()) {
    if (stop.stop_requested()) throw Cancelled();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const auto events = bus.read_log(std::string(messages::kEventsTopic), {});
  const auto producer = bus.producer();

  std::vector<std::string> ids(static_cast<std::size_t>(count));
  std::vector<Clock::time_point> sent(ids.size());
  std::unordered_map<std::string, std::size_t> index_of;
  for (std::size_t i = 0; i < ids.size(); ++i) index_of.emplace(ids[i] = new_id(), i);
  std::counting_semaphore<> room(kInFlight);
  const auto start = Clock::now();
  std::jthread producing([&](const std::stop_token& over) {
    for (std::size_t i = 0; i < ids.size() && !over.stop_requested(); ++i) {
      room.acquire();
      sent[i] = Clock::now();
      const messages::Request request{.id = ids[i], .time = now(), .model = kModel, .prompt = "a fox in the snow", .seed = i};
      producer->send(
          {.topic = messages::requests_topic(kModel), .key = ids[i], .value = messages::encode(request), .headers = {{"type", "request"}}});
    }
  });

  std::vector<double> times;
  times.reserve(ids.size());
  std::uint64_t early = 0;
  while (times.size() < ids.size()) {
    if (stop.stop_requested()) {
      producing.request_stop();
      room.release(kInFlight);
      throw Cancelled();
    }
    for (const bus::Record& record : events->poll(std::chrono::milliseconds(100))) {
      const auto found = index_of.find(record.key);
      if (found == index_of.end() || record.header("type") != "finished") continue;
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - sent[found->second]).count());
      room.release();
      if (times.size() == ids.size() / 5) early = anonymous_bytes();
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  Figures figures{.per_second = count / seconds, .memory_growth = static_cast<double>(anonymous_bytes()) / static_cast<double>(early)};
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  figures.median_ms = times[times.size() / 2];
  return figures;
}

}  // namespace

int run_bench_service(const Arguments& arguments) {
  CLI::App app(
      "Measures the throughput in requests per second from a producer through a worker to the event in Kafka, without and with storing the "
      "pictures.",
      "prompt2pic bench service");
  app.footer(
      "Needs Kafka, and for the second figure a bucket or data_dir. Do not run it on a cluster in use: it joins the workers' group.\n"
      "Example:\n  P2P_KAFKA_BROKERS=localhost:9092 prompt2pic bench service --requests 20000\nExits with 1 when a limit is exceeded.\n");
  const CLI::Option* requests = app.add_option("--requests", "Number of requests without a store (100000).")->type_name("N");
  const CLI::Option* stored = app.add_option("--stored", "Number of requests with stored pictures (2000).")->type_name("N");
  const CLI::Option* json = app.add_flag("--json")->description("Print one line of JSON.");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  constexpr std::string_view kWhole = "a whole number";
  const int count = number(*requests, 100, 10'000'000, kWhole).value_or(100'000);
  const int stored_count = number(*stored, 100, 10'000'000, kWhole).value_or(2'000);
  const bus::KafkaConfig kafka = kafka_config(config, "prompt2pic-bench");
  const auto store = make_store(config);
  log::configure(log::Level::warn, config.log_format);

  Interrupts interrupts;
  interrupts.finish_step_first();
  const auto bus = bus::kafka_bus(kafka);
  NoStore none;
  std::cerr << "measuring " << count << " requests\n";
  const Figures through = measure(*bus, none, count, interrupts.token());
  std::cerr << "measuring " << stored_count << " requests with stored pictures\n";
  const Figures kept = measure(*bus, *store, stored_count, interrupts.token());

  const bool well = through.per_second >= kLimitThrough && kept.per_second >= kLimitStored && through.memory_growth <= kLimitMemory;
  if (json->count() > 0) {
    std::cout << Json{{"through",
                       {{"per_second", through.per_second}, {"median_ms", through.median_ms}, {"memory_growth", through.memory_growth}}},
                      {"stored", {{"per_second", kept.per_second}, {"median_ms", kept.median_ms}}}}
                     .dump()
              << '\n';
  } else {
    print_table(
        std::cout,
        {{"WHAT", "FIGURE", "LIMIT"},
         {"through Kafka and a worker, requests per second", decimal(through.per_second, 0), "at least " + decimal(kLimitThrough, 0)},
         {"with the picture stored, requests per second", decimal(kept.per_second, 0), "at least " + decimal(kLimitStored, 0)},
         {"memory growth from a fifth of the run to its end", decimal(through.memory_growth, 3), "at most " + decimal(kLimitMemory, 1)}});
  }
  return well ? 0 : 1;
}

}  // namespace p2p::app
