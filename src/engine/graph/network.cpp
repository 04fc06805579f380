#include "engine/graph/network.hpp"

#include <algorithm>
#include <functional>
#include <future>
#include <numeric>
#include <openvino/op/result.hpp>
#include <openvino/opsets/opset13.hpp>
#include <openvino/pass/serialize.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/intel_cpu/properties.hpp>
#include <sstream>
#include <streambuf>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/graph/compiled_networks.hpp"

namespace p2p::engine {
namespace {

// One instance per process, which loads plugins once.
ov::Core& core() {
  static ov::Core instance;
  return instance;
}

std::shared_ptr<CompiledNetworks>& kept_networks() {
  static std::shared_ptr<CompiledNetworks> networks;
  return networks;
}

double elements(const ov::Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0, [](double product, std::size_t n) { return product * static_cast<double>(n); });
}

double multiply_adds_of(const ov::Node& node) {
  namespace op = ov::opset13;
  const auto in = [&](std::size_t i) { return node.get_input_shape(i); };
  const auto out = [&] { return elements(node.get_output_shape(0)); };
  if (ov::is_type<op::MatMul>(&node)) return out() * static_cast<double>(in(0).back());
  if (ov::is_type<op::Convolution>(&node)) return out() * elements(in(1)) / static_cast<double>(in(1)[0]);
  if (ov::is_type<op::GroupConvolution>(&node)) return out() * elements(in(1)) / static_cast<double>(in(1)[0] * in(1)[1]);
  if (ov::is_type<op::ConvolutionBackpropData>(&node)) return elements(in(0)) * elements(in(1)) / static_cast<double>(in(1)[0]);
  if (ov::is_type<op::ScaledDotProductAttention>(&node))
    return 2 * elements(in(0)) * elements(in(1)) / elements({in(1)[0], in(1)[1], in(1)[3]});
  return 0;
}

/// Whether computing a network takes less time than compiling it.
bool is_small(const ov::Model& model, double multiply_adds) { return !model.is_dynamic() && multiply_adds < 1e9; }

ov::AnyMap properties(Precision precision, int threads, bool small) {
  ov::AnyMap map{ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY), ov::num_streams(1),
                 ov::hint::inference_precision(precision == Precision::bf16 ? ov::element::bf16 : ov::element::f32),
                 // Treats subnormal operands as zero. Otherwise the plugin copies every weight tensor that contains one.
                 ov::intel_cpu::denormals_optimization(true)};
  if (threads > 0) map.insert(ov::inference_num_threads(threads));
  // The plugin's own compiler of fused operations, under its internal name: a quarter of the time, for less than that gains here.
  if (small) map["SNIPPETS_MODE"] = "DISABLE";
  return map;
}

/// A stream that writes to a sink.
class SinkBuffer : public std::streambuf {
 public:
  explicit SinkBuffer(const CompiledNetworks::Sink& sink) : sink_(sink) {}

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    sink_({bytes, static_cast<std::size_t>(count)});
    written_ += count;
    return count;
  }
  int_type overflow(int_type next) override {
    const char byte = traits_type::to_char_type(next);
    xsputn(&byte, 1);
    return next;
  }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override { return written_; }  // for tellp()

 private:
  const CompiledNetworks::Sink& sink_;
  std::streamoff written_ = 0;
};

/// Writes all inputs of a compilation.
void write_identity(const std::shared_ptr<ov::Model>& model, const ov::AnyMap& properties, const CompiledNetworks::Sink& sink) {
  std::ostringstream options;
  options << ov::get_openvino_version() << '\n' << core().get_property("CPU", ov::device::full_name) << '\n';
  for (const std::string& capability : core().get_property("CPU", ov::device::capabilities)) options << capability << '\n';
  for (const auto& [name, value] : properties) options << name << '=' << value.as<std::string>() << '\n';
  const auto nodes = model->get_ordered_ops();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    // OpenVINO generates names from a counter of the process. Runtime information of nodes beyond their attributes is not serialized.
    if (nodes[i]->get_friendly_name() == nodes[i]->get_name()) nodes[i]->set_friendly_name('#' + std::to_string(i));
    for (const auto& [name, value] : nodes[i]->get_rt_info()) {
      options << i << ' ' << name << '=';
      value.print(options);
      options << '\n';
    }
  }
  sink(options.view());
  SinkBuffer buffer(sink);
  std::ostream out(&buffer);
  ov::pass::Serialize(out, out).run_on_model(model);
}

/// Loads the network from `networks` (may be null), else compiles it.
ov::CompiledModel compiled(const std::shared_ptr<ov::Model>& model, const ov::AnyMap& properties, CompiledNetworks* networks) {
  const auto compile = [&] { return core().compile_model(model, "CPU", properties); };
  if (networks == nullptr) return compile();
  const std::string name = networks->name_of([&](const auto& sink) { write_identity(model, properties, sink); });
  ov::CompiledModel result;
  const auto import = [&](const std::shared_ptr<std::string>& bytes) {
    const ov::Tensor tensor(ov::Tensor(ov::element::u8, {bytes->size()}, bytes->data()), bytes);  // shares the bytes with the result
    result = core().import_model(tensor, "CPU", properties);
  };
  if (networks->load(name, import)) return result;
  result = compile();
  networks->save(name, [&] {
    std::ostringstream out;
    result.export_model(out);
    return std::move(out).str();
  });
  return result;
}

}  // namespace

struct Network::Impl {
  struct Compiled {
    ov::CompiledModel model;
    std::vector<ov::Output<const ov::Node>> streams;  ///< the inputs that weights are streamed to
  };

  std::string name;
  double multiply_adds = 0;
  std::shared_future<Compiled> compiled;
};

Network::Network(const Graph& graph, Precision precision, int threads) {
  ov::ResultVector results;
  for (const auto& [name, value] : graph.outputs_) {
    auto result = std::make_shared<ov::op::v0::Result>(value);
    result->output(0).set_names({name});
    results.push_back(result);
  }
  ov::ParameterVector parameters = graph.inputs_;
  for (const auto& stream : graph.streams_) parameters.push_back(stream.parameter);
  const auto model = std::make_shared<ov::Model>(results, parameters, graph.name_);

  auto impl = std::make_unique<Impl>();
  impl->name = graph.name_;
  if (!model->is_dynamic()) {
    for (const auto& node : model->get_ops()) impl->multiply_adds += multiply_adds_of(*node);
  }
  const bool small = is_small(*model, impl->multiply_adds);
  const auto compile = [name = graph.name_, model, properties = properties(precision, threads, small), inputs = graph.inputs_.size(),
                        networks = small ? kept_networks() : nullptr] {
    Impl::Compiled result;
    try {
      result.model = compiled(model, properties, networks.get());
    } catch (const ov::Exception& error) {
      throw ModelError(name + ": cannot be compiled: " + error.what());
    }
    const auto ports = result.model.inputs();
    result.streams.assign(ports.begin() + static_cast<std::ptrdiff_t>(inputs), ports.end());
    return result;
  };
  // OpenVINO compiles on one processor. Large networks compile one after the other to limit memory.
  impl->compiled = std::async(small ? std::launch::async : std::launch::deferred, compile);
  if (!small) impl->compiled.get();
  impl_ = std::move(impl);
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

void Network::wait() const { impl_->compiled.wait(); }

double Network::multiply_adds() const { return impl_->multiply_adds; }

struct Network::Run::Impl {
  const Network::Impl* network;
  ov::InferRequest request;
};

Network::Run::Run(const Network& network) {
  // Creating a request does not change the compiled model; the method merely lacks its const.
  ov::CompiledModel model = network.impl_->compiled.get().model;
  impl_ = std::make_unique<Impl>(network.impl_.get(), model.create_infer_request());
}

Network::Run::~Run() = default;
Network::Run::Run(Run&&) noexcept = default;

void Network::Run::set(const std::string& name, std::span<const float> values) {
  ov::Tensor tensor = impl_->request.get_tensor(name);
  if (tensor.get_size() != values.size()) {
    throw Error(impl_->network->name + ": input " + name + " takes " + std::to_string(tensor.get_size()) + " values, not " +
                std::to_string(values.size()));
  }
  std::ranges::copy(values, tensor.data<float>());
}

void Network::Run::stream_weights_of(const Graph& graph) {
  for (std::size_t i = 0; i < graph.streams_.size(); ++i) {
    const auto& [parameter, tensor] = graph.streams_[i];
    impl_->request.set_tensor(
        impl_->network->compiled.get().streams.at(i),
        ov::Tensor(parameter->get_element_type(), parameter->get_shape(), static_cast<const void*>(tensor.view.data.data())));
  }
}

void Network::Run::execute() {
  try {
    impl_->request.infer();
  } catch (const ov::Exception& error) {
    throw Error(impl_->network->name + ": cannot be computed: " + error.what());
  }
}

std::span<const float> Network::Run::output(const std::string& name) const {
  const ov::Tensor tensor = ov::InferRequest(impl_->request).get_tensor(name);
  return {static_cast<const ov::Tensor&>(tensor).data<float>(), tensor.get_size()};
}

void keep_networks_in(std::shared_ptr<CompiledNetworks> networks) { kept_networks() = std::move(networks); }

bool has_bf16() {
  const auto capabilities = core().get_property("CPU", ov::device::capabilities);
  return std::ranges::find(capabilities, "BF16") != capabilities.end();
}

}  // namespace p2p::engine
