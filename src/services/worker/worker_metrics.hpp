#pragma once

#include <string>

#include "platform/metrics/metrics.hpp"

namespace p2p::worker {

/// The worker's metrics. Thread-safe.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(Metrics& metrics)
      : redeliveries(metrics.counter("prompt2pic_worker_redeliveries_total", "Requests that another worker may have started.")),
        dead_letters(metrics.counter("prompt2pic_worker_dead_letters_total", "Messages that could not be processed.")),
        control_taken(control(metrics, "taken")),
        control_unreadable(control(metrics, "unreadable")),
        previews_stored(preview(metrics, "stored")),
        previews_failed(preview(metrics, "failed")),
        busy(metrics.gauge("prompt2pic_worker_busy", "Whether the worker is drawing: 1 or 0.")),
        queue_wait(metrics.seconds("prompt2pic_worker_queue_wait_seconds", "Time from the acceptance of a request to its start.")),
        store(metrics.seconds("prompt2pic_worker_store_seconds", "Time to store a finished picture.")),
        metrics_(metrics) {}

  /// A request ended or was handed back; `reason`: of a failure.
  void count(const std::string& model, const std::string& outcome, const std::string& reason) const {
    metrics_
        .counter("prompt2pic_worker_requests_total", "Requests that ended or were handed back.",
                 {{"model", model}, {"outcome", outcome}, {"reason", reason}})
        .add();
  }
  void stage(const std::string& model, const std::string& stage, double seconds) const {
    metrics_.seconds("prompt2pic_worker_stage_seconds", "Duration of each stage.", {{"model", model}, {"stage", stage}}).observe(seconds);
  }

  Counter redeliveries;
  Counter dead_letters;
  Counter control_taken;
  Counter control_unreadable;
  Counter previews_stored;
  Counter previews_failed;
  Gauge busy;
  Histogram queue_wait;
  Histogram store;

 private:
  static Counter preview(Metrics& metrics, const char* outcome) {
    return metrics.counter("prompt2pic_worker_previews_total", "Previews that were stored, and calls for them that failed.",
                           {{"outcome", outcome}});
  }
  static Counter control(Metrics& metrics, const char* outcome) {
    return metrics.counter("prompt2pic_worker_control_total", "Messages of the control topic.", {{"outcome", outcome}});
  }

  Metrics& metrics_;
};

}  // namespace p2p::worker
