#pragma once

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/scheduler.hpp"

/// diffusers' scheduler classes, one file for each. `config` holds keys of the class alone (SchedulerConfig sees to that); what is not
/// there has the class's default. Each throws ModelError for a value that is wrong or not supported.
namespace p2p::engine {

MakeScheduler read_ddim(const ConfigReader& config);
MakeScheduler read_dpm_solver_multistep(const ConfigReader& config);
MakeScheduler read_euler_ancestral_discrete(const ConfigReader& config);
MakeScheduler read_euler_discrete(const ConfigReader& config);
MakeScheduler read_heun_discrete(const ConfigReader& config);
MakeScheduler read_lcm(const ConfigReader& config);
/// As LatentConsistencyModelImg2ImgPipeline has it: all `steps` lie in the first `strength`, 0 to 1, of what the model was distilled with.
std::unique_ptr<Scheduler> make_lcm(const ConfigReader& config, int steps, double strength);
MakeScheduler read_pndm(const ConfigReader& config);
MakeScheduler read_unipc_multistep(const ConfigReader& config);

}  // namespace p2p::engine
