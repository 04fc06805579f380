#include "services/worker/drawing.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "services/worker/input_store.hpp"

namespace p2p::worker {
namespace {

namespace reason = messages::reason;

constexpr std::chrono::milliseconds kBetweenProgress{500};

/// The numbers of the first and the last picture to draw now.
std::pair<int, int> pictures_of(const messages::Request& request) {
  return request.picture > 0 ? std::pair{request.picture, request.picture} : std::pair{1, request.count};
}

/// Deletes the preview of a drawing at its end, however that comes.
struct RemovePreview {
  PreviewStore& previews;
  const std::string key;

  ~RemovePreview() { previews.remove(key); }
};

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
  {
    const Tasks::Lock lock = tasks_.lock();
    last_ = {};
  }
  messages::Failed why;
  try {
    return store(task, generate(task), over);
  } catch (const Cancelled&) {
    Tasks::Lock lock = tasks_.lock();
    if (tasks_.may_publish(*task, lock, over)) tasks_.end_stopped(task);
    return;
  } catch (const UsageError& error) {
    why = {.reason = std::string(reason::kCannotDo), .detail = error.sentence()};
  } catch (const InputMissing& error) {
    why = failure_of(reason::kInputMissing, error);
  } catch (const Withheld& error) {
    why = failure_of(reason::kWithheld, error);
  } catch (const std::exception& error) {
    why = failure_of(reason::kDrawingFailed, error);
  }
  end(task, events_.about(*task, why), over);
}

std::vector<GenerationResult> Drawing::generate(const TaskPtr& task) {
  std::vector<GenerationResult> results;
  const std::string picture = input_of(*task);
  const auto [first, last] = pictures_of(task->request);
  PreviewPace pace(config_.previews, config_.clock());
  const RemovePreview remove_preview{previews_, messages::preview_key(task->request.id, task->request.time)};
  for (int n = first; n <= last; ++n) {
    messages::Request one = task->request;
    one.seed = messages::seed_of(one, n);
    const auto report = [&](const GenerationProgress& at) {
      GenerationProgress of_all = at;
      of_all.fraction = (n - first + at.fraction) / (last - first + 1);
      if (progress(*task, of_all)) show_preview(task, of_all, pace);
    };
    results.push_back(config_.generators.at(task->request.model)->draw(one, picture, report, task->stop_drawing.get_token()));
  }
  return results;
}

std::string Drawing::input_of(const Task& task) const {
  const messages::Request& request = task.request;
  if (request.image_key.empty()) return "";
  const std::vector<std::string> features = config_.generators.at(request.model)->describe().features;
  if (std::ranges::find(features, messages::feature::kImage) == features.end())
    throw UsageError(sentence("takes_no_pictures", "the model {0} takes no pictures", request.model));
  return fetch_input(store_, request.image_key, config_.uploads.unavailable, task.stop_drawing.get_token());
}

bool Drawing::progress(Task& task, const GenerationProgress& at) {
  const Tasks::Lock lock = tasks_.lock();
  task.fraction = at.fraction;
  const Time moment = now();
  if (task.state != Task::State::drawing || !task.owned) return false;
  if (at.stage == last_.stage && moment - last_progress_ < kBetweenProgress) return true;
  last_progress_ = moment;
  last_ = {at.stage, at.step, at.total, at.fraction};
  send_progress(task, at);
  return true;
}

void Drawing::show_preview(const TaskPtr& task, const GenerationProgress& at, PreviewPace& pace) {
  const auto start = config_.clock();
  if (!at.preview || !pace.is_due(start, at.fraction) || !previews_.is_free()) return;
  std::string png;
  try {
    png = at.preview();
  } catch (const std::exception& error) {
    log::debug("a preview could not be made", {{"id", task->request.id}, {"error", error.what()}});
  }
  const auto end = config_.clock();
  pace.made(start, end);
  if (png.empty()) return;
  metrics_.stage(task->request.model, "preview", std::chrono::duration<double>(end - start).count());
  const std::string key = messages::preview_key(task->request.id, task->request.time);
  previews_.put(key, std::move(png), [this, task, key](bool is_stored) {
    const Tasks::Lock lock = tasks_.lock();
    const bool is_shown = is_stored && task->state == Task::State::drawing && task->owned && !last_.stage.empty();
    if (is_shown) send_progress(*task, last_, key);
  });
}

void Drawing::send_progress(const Task& task, const GenerationProgress& at, const std::string& preview) const {
  const messages::Progress progress{.stage = at.stage, .step = at.step, .total = at.total, .fraction = at.fraction, .preview = preview};
  events_.send(events_.about(task, progress), task.traceparent);
}

void Drawing::store(const TaskPtr& task, std::vector<GenerationResult> results, const std::stop_token& over) {
  const messages::Request& request = task->request;
  {
    Tasks::Lock lock = tasks_.lock();
    if (!tasks_.may_publish(*task, lock, over)) return;
    task->state = Task::State::drawn;
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
