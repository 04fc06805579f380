#pragma once

#include <map>
#include <memory>
#include <string>

/// What a service counts, in Prometheus' terms.
namespace p2p {

using Labels = std::map<std::string, std::string>;

/// Handles to one time series each; as cheap as an atomic addition, safe from any thread, valid as long as their Metrics.
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

/// Makes each series at its first use; the same name and labels give the same series. Thread-safe. A name keeps its first help.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// Of seconds, in buckets from 1 ms to 1 h.
  Histogram seconds(const std::string& name, const std::string& help, const Labels& labels = {});

  /// All of it in Prometheus' text format, version 0.0.4.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p
