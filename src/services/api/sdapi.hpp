#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/api/generations_body.hpp"

/// The formats of the API of AUTOMATIC1111's web UI (/sdapi/v1), as far as its clients use them for drawing.
namespace p2p::api {

/// The body of /sdapi/v1/txt2img. Fields that change the picture and are not supported become notices. `samplers`: those of the model, as
/// in messages::Model; if there is no choice, the client's is ignored. Throws ApiError.
GenerationsBody read_txt2img(std::string_view body, const BodyRules& rules, const std::vector<std::string>& samplers);

/// The body of /sdapi/v1/img2img, in the same way. `picture` receives its picture, to which the result refers.
GenerationsBody read_img2img(std::string_view body, const BodyRules& rules, const std::vector<std::string>& samplers, std::string& picture);

/// {images, parameters, info}. `image`: as base64. Throws ApiError if there is no picture.
Json sdapi_images_json(const RequestState& state, const ImageJson& image);

/// The lists of /sdapi/v1/sd-models and /sdapi/v1/samplers, and /sdapi/v1/options.
Json sd_models_json(const std::vector<std::string>& models);
Json samplers_json(const std::vector<std::string>& samplers);
Json options_json(const std::string& model);

/// The name of the model in the body of POST /sdapi/v1/options; empty if it sets another option. Throws ApiError.
std::string model_of_options(std::string_view body);

/// The answer of /sdapi/v1/progress. `view`: the client's request that is drawn; nullptr if there is none.
Json progress_json(const View* view);

}  // namespace p2p::api
