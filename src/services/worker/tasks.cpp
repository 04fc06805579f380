#include "base/log.hpp"
#include "services/worker/impl.hpp"

namespace p2p::worker {

void Worker::Impl::stop(const TaskPtr& task, Task::Stop why) {
  if (task->state == Task::State::queued) {
    std::erase(queue_, task);
    task->stop = why;
    end_stopped(task);
  } else if (task->state == Task::State::drawing && task->stop == Task::Stop::none) {
    task->stop = why;
    task->stop_drawing.request_stop();
  }
}

void Worker::Impl::end_stopped(const TaskPtr& task) {
  switch (task->stop) {
    case Task::Stop::none:
    case Task::Stop::cancel:
      return end(task, events_.about(*task, EventType::cancelled));
    case Task::Stop::hand_back: {
      Event event = events_.about(*task, EventType::progress);
      event.stage = "handed_back";
      event.failed_attempts = task->failed_attempts;
      return end(task, event);
    }
    case Task::Stop::too_long: {
      Event event = events_.about(*task, EventType::failed);
      event.reason = messages::reason::kTooLong;
      event.detail = "drawing took longer than " + std::to_string(duration_cast<std::chrono::seconds>(config_.draw_within).count()) +
                     " s (P2P_DRAW_WITHIN)";
      return end(task, event);
    }
    case Task::Stop::drop:
      return drop(*task);
  }
}

void Worker::Impl::stop_overlong() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, task] : tasks_) {
    if (task->state == Task::State::drawing && now() - task->started > config_.draw_within) stop(task, Task::Stop::too_long);
  }
}

void Worker::Impl::drop(Task& task) {
  task.stop = Task::Stop::drop;
  task.stop_drawing.request_stop();
  task.state = Task::State::over;
  std::erase_if(queue_, [&](const TaskPtr& each) { return each.get() == &task; });
  tasks_.erase(std::string(task.request.id));
  wake_.notify_all();
}

void Worker::Impl::end(const TaskPtr& task, const Event& event) {
  if (task->state == Task::State::over) return;
  task->state = Task::State::over;
  if (!event.hands_back()) recent_.add(task->request.id);
  const std::string outcome = !event.hands_back()    ? std::string(messages::name_of(event.type))
                              : event.images.empty() ? "handed_back"
                                                     : "picture";
  count(task->request.model, outcome, event.reason);
  log::info(event.hands_back() ? "handed back" : "ended",
            {{"id", event.id}, {"outcome", outcome}, {"reason", event.reason}, {"detail", event.detail}, {"model", task->request.model}});
  events_.send(event, task->traceparent, [this, task](const std::string& problem) {
    note_published(problem);
    if (!problem.empty())
      log::error("an event was not delivered; the request will be started again", {{"id", task->request.id}, {"error", problem}});
    const std::scoped_lock lock(mutex_);
    if (problem.empty()) done(task->partition, task->offset);
    if (const auto held = tasks_.find(task->request.id); held != tasks_.end() && held->second == task) tasks_.erase(held);
    wake_.notify_all();
  });
}

void Worker::Impl::hand_back(const TaskPtr& task) {
  const std::scoped_lock lock(mutex_);
  if (task->state == Task::State::drawing) {
    // The event must be published before the partition is released; the drawing stops on its own.
    task->stop = Task::Stop::hand_back;
    task->stop_drawing.request_stop();
    end_stopped(task);
  } else if (task->state == Task::State::queued) {
    stop(task, Task::Stop::hand_back);
  } else if (task->state == Task::State::drawn) {
    task->stop = Task::Stop::hand_back;
    end_stopped(task);
  }
}

bool Worker::Impl::may_publish(const Task& task, std::unique_lock<std::mutex>& lock, const std::stop_token& over) {
  while (task.state != Task::State::over && (!task.owned || std::chrono::steady_clock::now() < trusted_from_.load())) {
    wake_.wait_for(lock, over, std::chrono::milliseconds(100), [] { return false; });
    if (over.stop_requested()) return false;
  }
  return task.state != Task::State::over;
}

}  // namespace p2p::worker
