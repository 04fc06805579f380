#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "services/worker/image_generator.hpp"
#include "services/worker/preview_store.hpp"
#include "services/worker/tasks.hpp"
#include "services/worker/uploader.hpp"

namespace p2p::worker {

/// Draws the queued tasks, one after the other, and gives their pictures to the uploader.
class Drawing {
 public:
  /// Keeps the references.
  Drawing(const WorkerConfig& config, blob::BlobStore& store, Tasks& tasks, const EventWriter& events, const WorkerMetrics& metrics,
          Uploader& uploader, PreviewStore& previews)
      : config_(config), store_(store), tasks_(tasks), events_(events), metrics_(metrics), uploader_(uploader), previews_(previews) {}

  /// Draws until `over`, on the caller's thread.
  void run(const std::stop_token& over);
  /// Uploads that wait for their partition's owner to be known give up. Thread-safe.
  void stop_waiting() { uploads_over_.request_stop(); }

 private:
  void draw(const TaskPtr& task, const std::stop_token& over);
  /// Draws the pictures of the task. Throws Cancelled, UsageError, InputMissing, Withheld and what the generator throws.
  std::vector<GenerationResult> generate(const TaskPtr& task);
  /// Publishes the progress from time to time. Whether events of the task may be published.
  bool progress(Task& task, const GenerationProgress& at);
  /// Makes a preview and has it stored, if it is due. Does not throw: a request does not fail for it.
  void show_preview(const TaskPtr& task, const GenerationProgress& at, PreviewPace& pace);
  void send_progress(const Task& task, const GenerationProgress& at, const std::string& preview = "") const;
  void store(const TaskPtr& task, std::vector<GenerationResult> results, const std::stop_token& over);
  /// Publishes the end of a task if it is not over.
  void end(const TaskPtr& task, const messages::Event& event, const std::stop_token& over);

  /// The picture that the request begins with; empty if there is none. Throws UsageError if the model takes none, and as fetch_input().
  std::string input_of(const Task& task) const;

  const WorkerConfig& config_;
  blob::BlobStore& store_;
  Tasks& tasks_;
  const EventWriter& events_;
  const WorkerMetrics& metrics_;
  Uploader& uploader_;
  PreviewStore& previews_;
  std::stop_source uploads_over_;
  Time last_progress_;       ///< under the tasks' lock, like the next
  GenerationProgress last_;  ///< what was sent then; no stage: nothing of this drawing
};

}  // namespace p2p::worker
