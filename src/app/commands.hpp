#pragma once

#include <string>
#include <vector>

namespace p2p::app {

/// What stands on the command line after the command's name.
using Arguments = std::vector<std::string>;

// The commands. Each returns the exit code and throws what ends it otherwise: main() alone turns that into a message and a code.
int run_api(const Arguments& arguments);
int run_bench(const Arguments& arguments);
int run_bot(const Arguments& arguments);
int run_config(const Arguments& arguments);
int run_doctor(const Arguments& arguments);
int run_generate(const Arguments& arguments);
int run_health(const Arguments& arguments);
int run_models(const Arguments& arguments);
int run_pull(const Arguments& arguments);
int run_worker(const Arguments& arguments);

}  // namespace p2p::app
