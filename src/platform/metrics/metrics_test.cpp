#include "platform/metrics/metrics.hpp"

#include <gmock/gmock.h>

namespace p2p {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, WritesPrometheusFormat) {
  Metrics metrics;
  metrics.counter("a_total", "What a is.", {{"kind", "x\"y"}}).add(2);
  metrics.counter("a_total", "What a is.", {{"kind", "x\"y"}}).add();
  metrics.gauge("b", "What b is.").set(1.5);
  metrics.seconds("c_seconds", "What c is.").observe(0.02);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE a_total counter"));
  EXPECT_THAT(text, HasSubstr("a_total{kind=\"x\\\"y\"} 3"));
  EXPECT_THAT(text, HasSubstr("\nb 1.5"));
  EXPECT_THAT(text, HasSubstr("c_seconds_bucket{le=\"0.03\"} 1"));
  EXPECT_THAT(text, HasSubstr("c_seconds_bucket{le=\"0.01\"} 0"));
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total "));
}

}  // namespace
}  // namespace p2p
