#include "platform/metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>

#include "platform/metrics/process_metrics.hpp"

namespace p2p {

struct Metrics::Impl {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  ProcessMetrics process;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return Counter(&prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels));
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(&prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels));
}

Histogram Metrics::seconds(const std::string& name, const std::string& help, const Labels& labels) {
  static const prometheus::Histogram::BucketBoundaries kBounds{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1,    3,
                                                               10,    30,    60,   120,  300, 600, 1800, 3600};
  return Histogram(&prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry).Add(labels, kBounds));
}

std::string Metrics::text() const {
  auto families = impl_->registry.Collect();
  std::ranges::move(impl_->process.Collect(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

void Counter::add(double by) const { static_cast<prometheus::Counter*>(series_)->Increment(by); }
void Gauge::set(double value) const { static_cast<prometheus::Gauge*>(series_)->Set(value); }
void Histogram::observe(double value) const { static_cast<prometheus::Histogram*>(series_)->Observe(value); }

}  // namespace p2p
