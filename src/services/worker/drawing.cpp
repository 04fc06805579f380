#include "services/worker/drawing.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "services/worker/input_store.hpp"

namespace p2p::worker {
namespace {

namespace reason = messages::reason;

constexpr std::chrono::milliseconds kBetweenProgress{500};

/// The numbers of the first and the last picture to draw now.
std::pair<int, int> pictures_of(const messages::Request& request) {
  return request.picture > 0 ? std::pair{request.picture, request.picture} : std::pair{1, request.count};
}

messages::Failed failure_of(std::string_view why, const std::exception& error) {
  return {.reason = std::string(why), .detail = error.what()};
}

}  // namespace

void Drawing::run(const std::stop_token& over) {
  while (const TaskPtr task = tasks_.start_next(over)) {
    metrics_.busy.set(1);
    draw(task, over);
    metrics_.busy.set(0);
  }
}

void Drawing::draw(const TaskPtr& task, const std::stop_token& over) {
  messages::Failed why;
  try {
    return store(task, generate(*task), over);
  } catch (const Cancelled&) {
    Tasks::Lock lock = tasks_.lock();
    if (tasks_.may_publish(*task, lock, over)) tasks_.end_stopped(task);
    return;
  } catch (const UsageError& error) {
    why = failure_of(reason::kCannotDo, error);
  } catch (const InputMissing& error) {
    why = failure_of(reason::kInputMissing, error);
  } catch (const Withheld& error) {
    why = failure_of(reason::kWithheld, error);
  } catch (const std::exception& error) {
    why = failure_of(reason::kDrawingFailed, error);
  }
  end(task, events_.about(*task, why), over);
}

std::vector<GenerationResult> Drawing::generate(Task& task) {
  std::vector<GenerationResult> results;
  const std::string picture = input_of(task);
  const auto [first, last] = pictures_of(task.request);
  for (int n = first; n <= last; ++n) {
    messages::Request one = task.request;
    one.seed = messages::seed_of(one, n);
    const auto report = [&](const GenerationProgress& at) {
      progress(task, {at.stage, at.step, at.total, (n - first + at.fraction) / (last - first + 1)});
    };
    results.push_back(config_.generators.at(task.request.model)->draw(one, picture, report, task.stop_drawing.get_token()));
  }
  return results;
}

std::string Drawing::input_of(const Task& task) const {
  const messages::Request& request = task.request;
  if (request.image_key.empty()) return "";
  const std::vector<std::string> features = config_.generators.at(request.model)->describe().features;
  if (std::ranges::find(features, messages::feature::kImage) == features.end())
    throw UsageError("the model " + request.model + " takes no pictures");
  return fetch_input(store_, request.image_key, config_.uploads.unavailable, task.stop_drawing.get_token());
}

void Drawing::progress(Task& task, const GenerationProgress& at) {
  const Tasks::Lock lock = tasks_.lock();
  task.fraction = at.fraction;
  const Time moment = now();
  if (task.state != Task::State::drawing || !task.owned || (at.stage == last_stage_ && moment - last_progress_ < kBetweenProgress)) return;
  last_progress_ = moment;
  last_stage_ = at.stage;
  send_progress(task, at);
}

void Drawing::send_progress(const Task& task, const GenerationProgress& at) const {
  const messages::Progress progress{.stage = at.stage, .step = at.step, .total = at.total, .fraction = at.fraction};
  events_.send(events_.about(task, progress), task.traceparent);
}

void Drawing::store(const TaskPtr& task, std::vector<GenerationResult> results, const std::stop_token& over) {
  const messages::Request& request = task->request;
  {
    Tasks::Lock lock = tasks_.lock();
    if (!tasks_.may_publish(*task, lock, over)) return;
    task->state = Task::State::drawn;
    last_stage_.clear();
    send_progress(*task, {"storing", 0, 0, 1});
  }
  const Time drawn = now();
  messages::Finished finished;
  std::vector<Uploader::Object> objects;
  for (GenerationResult& result : results) {
    const int n = pictures_of(request).first + static_cast<int>(objects.size());
    objects.push_back({messages::image_key(request.id, request.time, n, request.output_format), std::move(result.picture.bytes)});
    finished.images.push_back(
        {objects.back().key, result.picture.width, result.picture.height, messages::seed_of(request, n), objects.back().bytes.size()});
    for (const auto& [stage, seconds] : result.seconds) {
      metrics_.stage(request.model, stage, seconds);
      finished.seconds[stage] += seconds;
    }
  }
  finished.seconds["total"] = std::chrono::duration<double>(drawn - task->started).count();
  finished.used = std::move(results.front().used);
  finished.notices = std::move(results.front().notices);
  finished.offers = std::move(results.front().offers);
  const bool is_last = request.picture == 0 || request.picture >= request.count;
  const messages::Event stored = is_last ? events_.about(*task, std::move(finished))
                                         : events_.about(*task, messages::HandedBack{.failed_attempts = task->failed_attempts,
                                                                                     .images = std::move(finished.images),
                                                                                     .seconds = std::move(finished.seconds)});
  const auto is_wanted = [this, task] {
    const Tasks::Lock lock = tasks_.lock();
    return task->state != Task::State::over;
  };
  const auto done = [this, task, stored, drawn](const std::string& problem) {
    metrics_.store.observe(std::chrono::duration<double>(now() - drawn).count());
    const messages::Failed failed{.reason = std::string(reason::kStoringFailed), .detail = problem};
    messages::Event event = problem.empty() ? stored : events_.about(*task, failed);
    event.time = now();
    end(task, event, uploads_over_.get_token());
  };
  uploader_.add({std::move(objects), is_wanted, done}, over);
}

void Drawing::end(const TaskPtr& task, const messages::Event& event, const std::stop_token& over) {
  Tasks::Lock lock = tasks_.lock();
  if (tasks_.may_publish(*task, lock, over)) tasks_.end(task, event);
}

}  // namespace p2p::worker
