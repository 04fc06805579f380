// embed MODEL_FOLDER PROMPT FILE.png: the engine in ten lines.
#include <fstream>

#include "engine/image/image.hpp"
#include "engine/pipelines/text_to_image.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto model = p2p::engine::load_text_to_image(argv[1]);
  p2p::engine::GenerateParams params;
  params.prompt = argv[2];
  params.seed = 100;
  const auto drawn = model->generate(params);
  const auto png = p2p::engine::encode_png(drawn.image, params.prompt);
  std::ofstream(argv[3], std::ios::binary).write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
}
