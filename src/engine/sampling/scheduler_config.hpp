#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/sentence.hpp"
#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/sampler.hpp"
#include "engine/sampling/scheduler.hpp"

namespace p2p::engine {

/// Reads a scheduler_config.json as written by Python, with numbers that are not JSON. Throws ModelError.
ConfigReader read_scheduler_config(const std::filesystem::path& file);

/// A model's scheduler_config.json. Immutable; safe to use from several threads.
class SchedulerConfig {
 public:
  /// StableDiffusionPipeline of SD 1 and 2 and its img2img (not those of SDXL and LCM) `amend` old configurations when they are made:
  /// steps_offset becomes 1 and clip_sample false, whatever was there.
  enum class Outdated : std::uint8_t { keep, amend };

  /// `class_name` is the class that model_index.json names; empty stands for the file's own _class_name. A class that is not available
  /// is replaced by the nearest one, if there is one. What the model's own scheduler cannot do is an error of make() only, so that another
  /// sampler can be named. Keys that no class has are ignored, and notices() names them; those that begin with `_` are ignored silently.
  /// Throws ModelError that names the file and the key for a configuration without a class or with a wrong num_train_timesteps.
  static SchedulerConfig load(const ConfigReader& config, std::string_view class_name = {}, Outdated outdated = Outdated::keep);
  static SchedulerConfig load(const std::filesystem::path& file, std::string_view class_name = {}, Outdated outdated = Outdated::keep);

  /// A scheduler for `steps`, from 1 to num_train_timesteps: the model's own or, with `sampler`, the result of diffusers' from_config:
  /// keys of the file that the sampler's class has are used, all others have the defaults of that class. Throws UsageError for an
  /// unsupported number of steps, ModelError that names the file, the key and a remedy if the file has a value that the class does not
  /// support, or if there is no class like the model's own.
  std::unique_ptr<Scheduler> make(int steps, const std::optional<Sampler>& sampler = {}) const;

  /// What make() does otherwise than `sampler` or the file ask for.
  std::vector<Sentence> notices(const std::optional<Sampler>& sampler) const;

  /// The same for the sampler lcm with all steps in the last `strength`, 0 to 1, of the schedule: img2img of LCM's own pipeline.
  std::unique_ptr<Scheduler> make_lcm(int steps, double strength) const;

  /// The sampler nearest to the model's own configuration, to name it in a picture.
  Sampler own_sampler() const;

  /// What the network predicts, for any sampler.
  Prediction prediction() const;

  /// diffusers' name of the model's own class, such as "PNDMScheduler".
  const std::string& class_name() const { return class_name_; }

  /// Whether `sampler`, or without one the model's own, is of LCM's class.
  bool is_lcm(const std::optional<Sampler>& sampler) const;

 private:
  SchedulerConfig() = default;

  /// Sets `own_` from class_name_ and json_. Throws ModelError.
  void read_own(Outdated outdated);
  MakeScheduler read_named(const Sampler& sampler) const;

  std::filesystem::path file_;
  std::string class_name_;
  Json json_;  ///< the file, amended
  int train_timesteps_ = 0;
  MakeScheduler own_;
  std::optional<Sampler> nearest_;    ///< draws in place of a class that is not available
  std::string own_failure_;           ///< why `own_` is not set
  std::vector<std::string> unknown_;  ///< keys
};

}  // namespace p2p::engine
