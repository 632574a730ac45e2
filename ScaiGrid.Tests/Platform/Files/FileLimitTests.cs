using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Storage;
using ScaiGrid.Tests.Platform.Batch;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Files;

/// <summary>The limit on the total size of a tenant's files.</summary>
[Trait("needs", "services")]
public sealed class FileLimitTests(DatabaseServer server)
{
    private const string Chat = "/v1/inference/chat";

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task UploadsAtOnceOverReplicas_TakeNoMoreThanTheTenantHas_AndResultsAreNeverRefused(DatabaseKind kind)
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(kind), redis, folder);
        settings["SCAIGRID_FILE_MB_PER_TENANT"] = "1";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var one = await Replica.StartAsync(Mode.Http, settings);
        await using var two = await Replica.StartAsync(Mode.Http, settings);
        await using var worker = await Replica.StartAsync(Mode.Worker, settings);
        using var admin = new ApiDriver(one.BaseAddress, Secrets.AdminKey);
        using var elsewhere = new ApiDriver(two.BaseAddress, Secrets.AdminKey);
        var input = BatchTests.Lines(BatchTests.Line("long", Chat, new { model = "scailabs/echo", messages = new[] { new { role = "user", content = new string('x', 600_000) } } }));

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => (i % 2 == 0 ? admin : elsewhere).UploadAsync(input)));
        var file = (string)Assert.Single(answers, answer => (int)answer.Status == 201).Created()["id"]!;
        var refused = answers.First(answer => (int)answer.Status != 201).Error(429, "QUOTA_EXCEEDED");
        Assert.Equal("The tenant's files may take 1 MiB together: first delete files that are no longer used.", (string?)refused["message"]);
        Assert.Null(refused["retry_after"]);
        var blobs = new DiskBlobStore(folder.File("blobs"), TimeProvider.System, NullLogger<DiskBlobStore>.Instance);
        Assert.Single((await blobs.ListAsync("files/", after: null, 100, TestContext.Current.CancellationToken)).Items);
        (await admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Error(429, "QUOTA_EXCEEDED");
        Assert.Single((await blobs.ListAsync("files/", after: null, 100, TestContext.Current.CancellationToken)).Items);

        // The results exceed the limit and are stored nevertheless. After that not even one byte is accepted.
        var id = (string)(await admin.PostAsync("/v1/inference/batch", new { input_file_url = $"scaigrid://file/{file}" })).Created()["id"]!;
        var batch = await BatchTests.WaitAsync(admin, id);
        Assert.Equal(("completed", 1), ((string?)batch["status"], (int)batch["request_counts"]!["completed"]!));
        Assert.InRange((await admin.GetAsync($"/v1/files/{batch["output_file_id"]}/content")).Text.Length, 600_000, int.MaxValue);
        var tiny = "{}\n"u8.ToArray();
        (await admin.UploadAsync(tiny)).Error(429, "QUOTA_EXCEEDED");
        (await admin.UploadAsync(tiny, "/oai/v1/files")).OpenAiError(429, "quota_exceeded");
        var tenant = await SeededTenant.CreateAsync(admin);
        using var other = await tenant.AddUserAsync("tenant_user");
        (await other.Api.UploadAsync(tiny)).Created();
        (await admin.DeleteAsync($"/v1/files/{file}")).NoContent();
        (await elsewhere.UploadAsync(tiny)).Created();
    }

    [Fact]
    public async Task FilesOfATenant_AreNoMoreThanItMayHave_ThoseThatAreFetchedIncluded()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_FILES_PER_TENANT"] = "2";
        settings["SCAIGRID_BATCH_ALLOW_PRIVATE"] = "true";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        await using var worker = await Replica.StartAsync(Mode.Worker, settings);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        await using var source = await FakeReceiver.StartAsync();
        source.Play("input", context => context.Response.WriteAsync("not json\n"));
        var tiny = "{}\n"u8.ToArray();
        (await admin.UploadAsync(tiny)).Created();
        var second = (string)(await admin.UploadAsync(tiny)).Created()["id"]!;
        Assert.Equal(
            "The tenant may have 2 files: first delete files that are no longer used.", (string?)(await admin.UploadAsync(tiny)).Error(429, "QUOTA_EXCEEDED")["message"]);
        Assert.Equal("The tenant may have 2 files: first delete files that are no longer used.", await MistakeAsync());
        (await admin.DeleteAsync($"/v1/files/{second}")).NoContent();
        Assert.StartsWith("must be a JSON object", await MistakeAsync(), StringComparison.Ordinal);

        // Inputs that arrive at once do not pass the limit together.
        var first = (string)(await admin.GetAsync("/oai/v1/files")).Body()["data"]!.AsArray()[0]!["id"]!;
        (await admin.DeleteAsync($"/v1/files/{first}")).NoContent();
        var (asked, both) = (0, new TaskCompletionSource());
        source.Play("input", async context =>
        {
            if (Interlocked.Increment(ref asked) == 4)
            {
                both.SetResult();
            }

            await both.Task;
            await context.Response.WriteAsync("not json\n");
        });
        var mistakes = await Task.WhenAll(MistakeAsync(), MistakeAsync(), MistakeAsync(), MistakeAsync());
        Assert.Equal(3, mistakes.Count(mistake => mistake == "The tenant may have 2 files: first delete files that are no longer used."));

        async Task<string?> MistakeAsync()
        {
            var id = (string)(await admin.PostAsync("/v1/inference/batch", new { input_file_url = source.UrlOf("input") })).Created()["id"]!;
            var batch = await BatchTests.WaitAsync(admin, id);
            Assert.Equal("failed", (string?)batch["status"]);
            return (string?)batch["errors"]![0]!["message"];
        }
    }
}
