#include "base/error.hpp"
#include "services/worker/impl.hpp"

namespace p2p::worker {
namespace {

namespace reason = messages::reason;

constexpr std::chrono::milliseconds kBetweenProgress{500};

/// The numbers of the first and the last picture to draw now.
std::pair<int, int> pictures_of(const messages::Request& request) {
  return request.picture > 0 ? std::pair{request.picture, request.picture} : std::pair{1, request.count};
}

}  // namespace

void Worker::Impl::draw_all(const std::stop_token& over) {
  for (;;) {
    TaskPtr task;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, over, [&] { return !queue_.empty(); })) return;
      task = queue_.front();
      queue_.pop_front();
      if (!may_publish(*task, lock, over)) continue;
      task->state = Task::State::drawing;
      task->started = now();
      Event event = events_.about(*task, EventType::started);
      event.attempt = 1 + task->failed_attempts;
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
    std::vector<GenerationResult> drawings;
    const auto [first, last] = pictures_of(task->request);
    for (int n = first; n <= last; ++n) {
      messages::Request one = task->request;
      one.seed = messages::seed_of(one, n);
      const auto report = [&](const GenerationProgress& at) {
        progress(*task, {at.stage, at.step, at.total, (n - first + at.fraction) / (last - first + 1)});
      };
      drawings.push_back(config_.generators.at(model)->draw(one, report, task->stop_drawing.get_token()));
    }
    return store(task, std::move(drawings), over);
  } catch (const Cancelled&) {
    std::unique_lock lock(mutex_);
    if (may_publish(*task, lock, over)) end_stopped(task);
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
  if (may_publish(*task, lock, over)) end(task, failed);
}

void Worker::Impl::progress(Task& task, const GenerationProgress& at) {
  const std::scoped_lock lock(mutex_);
  task.fraction = at.fraction;
  const Time moment = now();
  if (task.state != Task::State::drawing || !task.owned || (at.stage == last_stage_ && moment - last_progress_ < kBetweenProgress)) return;
  last_progress_ = moment;
  last_stage_ = at.stage;
  send_progress(task, at);
}

void Worker::Impl::send_progress(const Task& task, const GenerationProgress& at) {
  Event event = events_.about(task, EventType::progress);
  event.stage = at.stage;
  event.step = at.step;
  event.total = at.total;
  event.fraction = at.fraction;
  events_.send(event, task.traceparent);
}

void Worker::Impl::store(const TaskPtr& task, std::vector<GenerationResult> drawings, const std::stop_token& over) {
  const messages::Request& request = task->request;
  {
    std::unique_lock lock(mutex_);
    if (!may_publish(*task, lock, over)) return;
    task->state = Task::State::drawn;
    last_stage_.clear();
    send_progress(*task, {"storing", 0, 0, 1});
  }
  Event finished = events_.about(*task, EventType::finished);
  std::vector<Uploader::Object> objects;
  for (GenerationResult& drawing : drawings) {
    const int n = pictures_of(request).first + static_cast<int>(objects.size());
    objects.push_back({messages::image_key(request.id, request.time, n), std::move(drawing.picture.png)});
    finished.images.push_back(
        {objects.back().key, drawing.picture.width, drawing.picture.height, messages::seed_of(request, n), objects.back().png.size()});
    for (const auto& [stage, seconds] : drawing.seconds) {
      metrics_.seconds("prompt2pic_worker_stage_seconds", "Duration of each stage.", {{"model", request.model}, {"stage", stage}})
          .observe(seconds);
      finished.seconds[stage] += seconds;
    }
  }
  finished.seconds["total"] = std::chrono::duration<double>(finished.time - task->started).count();
  finished.used = std::move(drawings.front().used);
  finished.notices = std::move(drawings.front().notices);
  finished.offers = std::move(drawings.front().offers);
  if (request.picture > 0 && request.picture < request.count) {
    finished.type = EventType::progress;
    finished.stage = "handed_back";
    finished.failed_attempts = task->failed_attempts;
  }
  const Time start = now();
  uploader_->add({std::move(objects),
                  [this, task] {
                    const std::scoped_lock lock(mutex_);
                    return task->state != Task::State::over;
                  },
                  [this, task, finished, start](const std::string& problem) {
                    store_seconds_.observe(std::chrono::duration<double>(now() - start).count());
                    Event event = problem.empty() ? finished : events_.about(*task, EventType::failed);
                    event.time = now();
                    if (!problem.empty()) {
                      event.reason = reason::kStoringFailed;
                      event.detail = problem;
                    }
                    std::unique_lock lock(mutex_);
                    if (may_publish(*task, lock, uploads_over_.get_token())) end(task, event);
                  }},
                 over);
}

}  // namespace p2p::worker
