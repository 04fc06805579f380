#pragma once

#include <map>
#include <memory>
#include <string>

/// Metrics in Prometheus' terms.
namespace p2p {

using Labels = std::map<std::string, std::string>;

/// Handles to one time series each. Updates are atomic additions; thread-safe; valid as long as their Metrics.
class Counter {
 public:
  explicit Counter(void* series) : series_(series) {}
  void add(double by = 1) const;

 private:
  void* series_;
};

class Gauge {
 public:
  explicit Gauge(void* series) : series_(series) {}
  void set(double value) const;

 private:
  void* series_;
};

class Histogram {
 public:
  explicit Histogram(void* series) : series_(series) {}
  void observe(double value) const;

 private:
  void* series_;
};

/// Creates each series at its first use; the same name and labels give the same series, and the first help text is kept. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// A histogram of seconds, with buckets from 1 ms to 1 h.
  Histogram seconds(const std::string& name, const std::string& help, const Labels& labels = {});

  /// All metrics, and those of the process, in Prometheus' text format, version 0.0.4.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p
