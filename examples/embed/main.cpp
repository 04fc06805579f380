// embed MODEL_FOLDER PROMPT FILE.png: the engine in a few lines. The picture holds the parameters that draw it again.
#include <fstream>
#include <prompt2pic/engine/image/image.hpp>
#include <prompt2pic/engine/pipelines/parameters.hpp>
#include <prompt2pic/engine/pipelines/text_to_image.hpp>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto model = p2p::engine::load_text_to_image(argv[1]);
  p2p::engine::GenerateParams params;
  params.prompt = argv[2];
  params.seed = 100;
  const auto drawn = model->generate(params);
  const auto text = p2p::engine::parameters_text(drawn.params, {.model = argv[1], .sampler = drawn.sampler, .program = "embed"});
  const auto png = p2p::engine::encode_png(drawn.image, text);
  std::ofstream(argv[3], std::ios::binary).write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
}
