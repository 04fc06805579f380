#include "base/error.hpp"
#include "services/worker/impl.hpp"

namespace p2p::worker {
namespace {

namespace reason = messages::reason;

constexpr std::chrono::milliseconds kBetweenProgress{500};

}  // namespace

void Worker::Impl::draw_all(const std::stop_token& over) {
  for (;;) {
    TaskPtr task;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, over, [&] { return !queue_.empty(); })) return;
      task = queue_.front();
      queue_.pop_front();
      if (!may_tell(*task, lock, over)) continue;
      task->state = Task::State::drawing;
      task->started = now();
      Event event = events_.about(*task, EventType::started);
      event.attempt = 1 + task->strikes;
      events_.send(event, task->traceparent);
      queue_wait_.observe(std::chrono::duration<double>(task->started - task->request.time).count());
    }
    busy_.set(1);
    draw(task, over);
    busy_.set(0);
  }
}

void Worker::Impl::draw(const TaskPtr& task, const std::stop_token& over) {
  const std::string& model = task->request.model;
  Event failed = events_.about(*task, EventType::failed);
  try {
    Drawing drawing = config_.drawers.at(model)->draw(
        task->request, [&](const DrawingProgress& at) { progress(*task, at); }, task->stop_drawing.get_token());
    return store(task, std::move(drawing), over);
  } catch (const Cancelled&) {
    std::unique_lock lock(mutex_);
    if (may_tell(*task, lock, over)) end_stopped(task);
    return;
  } catch (const UsageError& error) {
    failed.reason = reason::kCannotDo;
    failed.detail = error.what();
  } catch (const Withheld& error) {
    failed.reason = reason::kWithheld;
    failed.detail = error.what();
  } catch (const std::exception& error) {
    failed.reason = reason::kDrawingFailed;
    failed.detail = error.what();
  }
  std::unique_lock lock(mutex_);
  if (may_tell(*task, lock, over)) end(task, failed);
}

void Worker::Impl::progress(Task& task, const DrawingProgress& at) {
  const std::scoped_lock lock(mutex_);
  task.fraction = at.fraction;
  const Time moment = now();
  if (task.state != Task::State::drawing || !task.owned || (at.stage == last_stage_ && moment - last_progress_ < kBetweenProgress)) return;
  last_progress_ = moment;
  last_stage_ = at.stage;
  send_progress(task, at);
}

void Worker::Impl::send_progress(const Task& task, const DrawingProgress& at) {
  Event event = events_.about(task, EventType::progress);
  event.stage = at.stage;
  event.step = at.step;
  event.total = at.total;
  event.fraction = at.fraction;
  events_.send(event, task.traceparent);
}

void Worker::Impl::store(const TaskPtr& task, Drawing drawing, const std::stop_token& over) {
  const std::string key = messages::image_key(task->request.id, task->request.time, 1);
  {
    std::unique_lock lock(mutex_);
    if (!may_tell(*task, lock, over)) return;
    task->state = Task::State::drawn;
    last_stage_.clear();
    send_progress(*task, {"storing", 0, 0, 1});
  }
  for (const auto& [stage, seconds] : drawing.seconds)
    metrics_.seconds("prompt2pic_worker_stage_seconds", "Time of a drawing's stage.", {{"model", task->request.model}, {"stage", stage}})
        .observe(seconds);
  Event finished = events_.about(*task, EventType::finished);
  drawing.seconds["total"] = std::chrono::duration<double>(finished.time - task->started).count();
  finished.images = {{key, drawing.picture.width, drawing.picture.height, task->request.seed, drawing.picture.png.size()}};
  finished.seconds = std::move(drawing.seconds);
  finished.used = std::move(drawing.used);
  finished.notices = std::move(drawing.notices);
  finished.offers = std::move(drawing.offers);
  const Time start = now();
  uploader_->add({key, std::move(drawing.picture.png),
                  [this, task, finished, start](const std::string& problem) {
                    store_seconds_.observe(std::chrono::duration<double>(now() - start).count());
                    Event event = problem.empty() ? finished : events_.about(*task, EventType::failed);
                    event.time = now();
                    if (!problem.empty()) {
                      event.reason = reason::kStoringFailed;
                      event.detail = problem;
                    }
                    std::unique_lock lock(mutex_);
                    if (may_tell(*task, lock, uploads_over_.get_token())) end(task, event);
                  }},
                 over);
}

}  // namespace p2p::worker
