using Xunit;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

public sealed class OpenAiConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "openai"), IClassFixture<ScriptedUpstream>;

public sealed class OpenAiResponsesConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "openai-responses"), IClassFixture<ScriptedUpstream>;

public sealed class CustomConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "custom"), IClassFixture<ScriptedUpstream>;

public sealed class AzureConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "azure"), IClassFixture<ScriptedUpstream>;

public sealed class MistralConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "mistral"), IClassFixture<ScriptedUpstream>;

public sealed class QwenConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "qwen"), IClassFixture<ScriptedUpstream>;

public sealed class AnthropicConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "anthropic"), IClassFixture<ScriptedUpstream>;

public sealed class GoogleConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "google"), IClassFixture<ScriptedUpstream>;
