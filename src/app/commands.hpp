#pragma once

#include <string>
#include <vector>

namespace p2p::app {

/// The arguments after the command's name.
using Arguments = std::vector<std::string>;

// The commands. Each returns the exit code, or throws; only main() converts exceptions to messages and exit codes.
int run_api(const Arguments& arguments);
int run_bench(const Arguments& arguments);
int run_bot(const Arguments& arguments);
int run_completion(const Arguments& arguments);
int run_config(const Arguments& arguments);
int run_demo(const Arguments& arguments);
int run_doctor(const Arguments& arguments);
int run_generate(const Arguments& arguments);
int run_health(const Arguments& arguments);
int run_info(const Arguments& arguments);
int run_man(const Arguments& arguments);
int run_models(const Arguments& arguments);
int run_pull(const Arguments& arguments);
int run_worker(const Arguments& arguments);

}  // namespace p2p::app
