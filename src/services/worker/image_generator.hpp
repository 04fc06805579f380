#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::worker {

/// Progress of a drawing.
struct GenerationProgress {
  std::string stage;
  int step = 0;
  int total = 0;
  double fraction = 0;  ///< of the whole drawing, 0 to 1
  /// Makes a small PNG of the unfinished picture. Call it only before the callback returns. Empty: there is none at this point.
  std::function<std::string()> preview = {};
};
using GenerationProgressFn = std::function<void(const GenerationProgress&)>;

struct EncodedImage {
  std::string bytes;  ///< of the file, in the request's output format
  int width = 0;      ///< px
  int height = 0;     ///< px
};

struct GenerationResult {
  EncodedImage picture;
  std::map<std::string, double> seconds;    ///< by stage
  std::map<std::string, std::string> used;  ///< the effective parameters
  std::vector<Sentence> notices;
  std::vector<std::string> offers;  ///< words of messages::offer
};

/// The model's safety checker withholds the picture.
class Withheld : public Error {
 public:
  using Error::Error;
};

/// A loaded model. Not thread-safe.
class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  /// `picture`: the file, a PNG, JPEG or WebP, that the request's image_key names; empty if it names none. Only for models whose features
  /// include messages::feature::kImage. Throws UsageError if the model does not support the request or the picture, Cancelled within one
  /// step of a stop request, Withheld, and Error for other failures.
  virtual GenerationResult draw(const messages::Request& request, std::string_view picture, const GenerationProgressFn& progress,
                                std::stop_token stop) = 0;

  /// What the model can do; without `id` and `time`. Thread-safe.
  virtual messages::Model describe() const { return {}; }
};

}  // namespace p2p::worker
