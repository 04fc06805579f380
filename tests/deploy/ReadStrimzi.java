import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.io.File;
import java.util.Map;

/** Reads the resources of a YAML file with Strimzi's classes and prints their kinds. Unknown properties, which these classes keep, are errors. */
public class ReadStrimzi {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper yaml = new ObjectMapper(new YAMLFactory());
    yaml.setAnnotationIntrospector(new JacksonAnnotationIntrospector() {
      @Override public Boolean hasAnySetter(Annotated member) { return false; }
    });
    Map<String, Class<?>> classes = Map.of("KafkaTopic", KafkaTopic.class, "KafkaUser", KafkaUser.class);
    for (JsonNode document : yaml.readerFor(JsonNode.class).<JsonNode>readValues(new File(arguments[0])).readAll()) {
      String kind = document.get("kind").asText();
      yaml.treeToValue(document, classes.get(kind));
      System.out.println(kind);
    }
  }
}
