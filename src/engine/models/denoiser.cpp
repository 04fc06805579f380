#include "engine/models/denoiser.hpp"

namespace p2p::engine {

struct Denoiser::Compiled {
  std::shared_ptr<const DenoiserGraphs> graphs;
  std::optional<Graph> text_graph;
  std::optional<Network> text;
  std::vector<Graph> attention_graphs;
  std::map<std::string, Network> attention;  ///< by Graph::signature(): blocks built alike share a network
  Graph time_graph;
  Network time;
  Network step;
};

Denoiser::Denoiser(std::shared_ptr<DenoiserGraphs> graphs, Precision precision, int threads)
    : graphs_(std::move(graphs)), precision_(precision), threads_(threads) {}

Denoiser::~Denoiser() = default;

std::shared_ptr<const Denoiser::Compiled> Denoiser::compile(const LatentShape& shape) const {
  return compiled_.get(shape, [&] {
    const auto network = [&](const Graph& graph) { return Network(graph, precision_, threads_); };
    std::optional<Graph> text = graphs_->text_graph(shape);
    Graph time = graphs_->time_graph(shape);
    std::vector<Graph> attention_graphs = graphs_->attention_graphs(shape);
    std::map<std::string, Network> attention;
    for (const Graph& graph : attention_graphs) {
      if (const std::string key = graph.signature(); !attention.contains(key)) attention.emplace(key, network(graph));
    }
    std::optional<Network> text_network;
    if (text) text_network = network(*text);
    Network time_network = network(time);
    return std::make_shared<const Compiled>(graphs_, std::move(text), std::move(text_network), std::move(attention_graphs),
                                            std::move(attention), std::move(time), std::move(time_network),
                                            network(graphs_->step_graph(shape)));
  });
}

void Denoiser::wait(const Compiled& compiled) {
  for (const auto& [signature, network] : compiled.attention) network.wait();
  if (compiled.text) compiled.text->wait();
  compiled.time.wait();
  compiled.step.wait();
}

struct DenoiseSession::Impl {
  std::shared_ptr<const Denoiser::Compiled> compiled;
  std::vector<float> times;
  std::vector<std::vector<float>> time_rows;  ///< the time graph's output for each time
  Network::Run step;
};

DenoiseSession::DenoiseSession(const std::shared_ptr<const Denoiser::Compiled>& compiled, std::span<const float> text,
                               std::span<const float> times, const Inputs& constants, const Inputs& time_constants)
    : impl_(std::make_unique<Impl>(compiled, std::vector<float>(times.begin(), times.end()), std::vector<std::vector<float>>(times.size()),
                                   Network::Run(compiled->step))) {
  for (const auto& [name, values] : constants) impl_->step.set(name, values);
  set_text(text, time_constants, 0, times.size());
}

void DenoiseSession::set_text(std::span<const float> text, const Inputs& time_constants, std::size_t first, std::size_t end) {
  const Denoiser::Compiled& compiled = *impl_->compiled;
  std::optional<Network::Run> text_run;
  if (compiled.text) {
    text_run.emplace(*compiled.text);
    text_run->stream_weights_of(*compiled.text_graph);
    text_run->set("text", text);
    text_run->execute();
  }
  const auto embedding = text_run ? text_run->output("embedding") : text;
  for (const Graph& graph : compiled.attention_graphs) {
    Network::Run run(compiled.attention.at(graph.signature()));
    run.stream_weights_of(graph);
    run.set("embedding", embedding);
    run.execute();
    for (const char* name : {"k", "v"}) impl_->step.set(graph.name() + "." + name, run.output(name));
  }

  Network::Run time_run(compiled.time);
  time_run.stream_weights_of(compiled.time_graph);
  for (const auto& [name, values] : time_constants) time_run.set(name, values);
  for (std::size_t i = first; i < end; ++i) {
    time_run.set("embedding", compiled.graphs->time_embedding(impl_->times.at(i)));
    time_run.execute();
    const auto row = time_run.output("time");
    impl_->time_rows[i].assign(row.begin(), row.end());
  }
}

DenoiseSession::~DenoiseSession() = default;
DenoiseSession::DenoiseSession(DenoiseSession&&) noexcept = default;

std::span<const float> DenoiseSession::predict(std::span<const float> latents, std::size_t index) {
  impl_->step.set("x", latents);
  impl_->step.set("time", impl_->time_rows.at(index));
  impl_->step.execute();
  return impl_->step.output("prediction");
}

double DenoiseSession::multiply_adds() const { return impl_->compiled->step.multiply_adds(); }

}  // namespace p2p::engine
