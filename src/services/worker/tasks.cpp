#include "services/worker/tasks.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace p2p::worker {

TaskPtr Tasks::find(const std::string& id) const {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second;
}

std::vector<TaskPtr> Tasks::all() const {
  std::vector<TaskPtr> list;
  for (const auto& [id, task] : tasks_) list.push_back(task);
  return list;
}

void Tasks::add(const TaskPtr& task) {
  const std::string& id = task->request.id;
  tasks_[id] = task;
  if (cancelled_.has(id)) return end(task, events_.about(*task, messages::Cancelled{}));
  queue_.push_back(task);
  notify();
}

void Tasks::stop(const TaskPtr& task, Task::Stop why) {
  if (task->state == Task::State::queued) {
    std::erase(queue_, task);
    task->stop = why;
    end_stopped(task);
  } else if (task->state == Task::State::drawing && task->stop == Task::Stop::none) {
    task->stop = why;
    task->stop_drawing.request_stop();
  }
}

void Tasks::end_stopped(const TaskPtr& task) {
  switch (task->stop) {
    case Task::Stop::none:
    case Task::Stop::cancel:
      return end(task, events_.about(*task, messages::Cancelled{}));
    case Task::Stop::hand_back:
      return end(task, events_.about(*task, messages::HandedBack{.failed_attempts = task->failed_attempts}));
    case Task::Stop::too_long: {
      messages::Failed failed{.reason = std::string(messages::reason::kTooLong)};
      failed.detail = "drawing took longer than " + std::to_string(duration_cast<std::chrono::seconds>(config_.draw_within).count()) +
                      " s (P2P_DRAW_WITHIN)";
      return end(task, events_.about(*task, failed));
    }
    case Task::Stop::drop:
      return drop(*task);
  }
}

void Tasks::end(const TaskPtr& task, const messages::Event& event) {
  if (task->state == Task::State::over) return;
  task->state = Task::State::over;
  const auto* const back = event.as<messages::HandedBack>();
  const auto* const failed = event.as<messages::Failed>();
  const messages::Failed why = failed ? *failed : messages::Failed{};
  if (!back) ended_.add(task->request.id);
  const std::string outcome = !back ? std::string(messages::type_of(event)) : back->images.empty() ? "handed_back" : "picture";
  metrics_.count(task->request.model, outcome, why.reason);
  log::info(back ? "handed back" : "ended",
            {{"id", event.id}, {"outcome", outcome}, {"reason", why.reason}, {"detail", why.detail.text}, {"model", task->request.model}});
  events_.send(event, task->traceparent, [this, task](const std::string& problem) {
    if (!problem.empty())
      log::error("an event was not delivered; the request will be started again", {{"id", task->request.id}, {"error", problem}});
    const Lock held = lock();
    if (problem.empty()) membership_.done(task->partition, task->offset);
    if (find(task->request.id) == task) tasks_.erase(task->request.id);
    notify();
  });
}

void Tasks::drop(Task& task) {
  task.stop = Task::Stop::drop;
  task.stop_drawing.request_stop();
  task.state = Task::State::over;
  std::erase_if(queue_, [&](const TaskPtr& each) { return each.get() == &task; });
  tasks_.erase(std::string(task.request.id));
  notify();
}

bool Tasks::may_publish(const Task& task, Lock& lock, const std::stop_token& over) {
  while (task.state != Task::State::over && (!task.owned || !membership_.is_trusted())) {
    changed_.wait_for(lock, over, std::chrono::milliseconds(100), [] { return false; });
    if (over.stop_requested()) return false;
  }
  return task.state != Task::State::over;
}

TaskPtr Tasks::start_next(const std::stop_token& over) {
  Lock held = lock();
  for (;;) {
    // Other workers may fall silent, so the tasks are looked at again without a change.
    if (!changed_.wait_for(held, over, std::chrono::seconds(1), [&] { return next_in_queue() != queue_.end(); })) {
      if (over.stop_requested()) return nullptr;
      continue;
    }
    const auto next = next_in_queue();
    const TaskPtr task = *next;
    queue_.erase(next);
    if (!may_publish(*task, held, over)) continue;
    task->state = Task::State::drawing;
    task->started = now();
    events_.send(events_.about(*task, messages::Started{.attempt = 1 + task->failed_attempts}), task->traceparent);
    metrics_.queue_wait.observe(std::chrono::duration<double>(task->started - task->request.time).count());
    return task;
  }
}

void Tasks::hand_back(const TaskPtr& task) {
  const Lock held = lock();
  if (task->state == Task::State::queued) return stop(task, Task::Stop::hand_back);
  if (task->state == Task::State::over) return;
  // A drawing stops on its own; its event is published now, before the partition is released.
  task->stop = Task::Stop::hand_back;
  if (task->state == Task::State::drawing) task->stop_drawing.request_stop();
  end_stopped(task);
}

void Tasks::cancel(const std::string& id) {
  const Lock held = lock();
  cancelled_.add(id);
  if (const TaskPtr task = find(id)) stop(task, Task::Stop::cancel);
}

std::deque<TaskPtr>::iterator Tasks::next_in_queue() {
  return std::ranges::find_if(
      queue_, [this](const TaskPtr& task) { return task->inherited || !other_starts_.has(task->request.id, task->dispatch); });
}

void Tasks::note_end(const std::string& id) {
  const Lock held = lock();
  ended_.add(id);
  if (const TaskPtr task = find(id)) drop_copy(task);
}

void Tasks::note_hand_back(const std::string& id, int dispatch) {
  const Lock held = lock();
  if (const TaskPtr task = find(id); task && task->dispatch <= dispatch) drop_copy(task);
}

void Tasks::drop_copy(const TaskPtr& task) {
  if (task->state == Task::State::over) return;
  log::info("another worker has done this request", {{"id", task->request.id}});
  metrics_.count(task->request.model, "repeated", "");
  if (!task->partition.topic.empty()) membership_.done(task->partition, task->offset);
  drop(*task);
}

}  // namespace p2p::worker
