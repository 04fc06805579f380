#pragma once

#include "app/commands.hpp"

namespace p2p::app {

/// `prompt2pic bench service`: throughput from a producer through a worker to the event in Kafka, and into the store.
int run_bench_service(const Arguments& arguments);

}  // namespace p2p::app
