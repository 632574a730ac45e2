using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;
using Xunit;

namespace ScaiGrid.Tests.Core.Storage;

/// <summary>Removal of multipart uploads whose process was killed. The server is a fake, because s3rver does not list unfinished uploads.</summary>
public sealed class S3UnfinishedUploadTests
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task OldOnes_AreAborted_OnEveryPage()
    {
        var aborted = new ConcurrentQueue<string>();
        await using var server = await StartAsync(context =>
        {
            if (HttpMethods.IsDelete(context.Request.Method))
            {
                aborted.Enqueue($"{context.Request.Path}?{context.Request.Query["uploadId"]}");
                context.Response.StatusCode = 204;
                return Task.CompletedTask;
            }

            Assert.Equal("files/", (string?)context.Request.Query["prefix"]);
            context.Response.ContentType = "application/xml";
            return context.Response.WriteAsync((string?)context.Request.Query["key-marker"] == "b" ? Page("c", age: 9, isTruncated: false) : Page("b", age: 8, isTruncated: true));
        });
        using var store = Store(server);
        Assert.Equal(2, await store.RemoveUnfinishedAsync("files/", Now.AddDays(-7), TestContext.Current.CancellationToken));
        Assert.Equal(["/scaigrid/b?b-old", "/scaigrid/c?c-old"], aborted);
    }

    [Fact]
    public async Task StoreThatCannotListThem_IsNoFailure()
    {
        await using var server = await StartAsync(context =>
        {
            context.Response.StatusCode = 501;
            return context.Response.WriteAsync("<Error><Code>NotImplemented</Code></Error>");
        });
        using var store = Store(server);
        Assert.Equal(0, await store.RemoveUnfinishedAsync("files/", Now, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task StoreThatRefuses_IsAFailure()
    {
        await using var server = await StartAsync(context =>
        {
            context.Response.StatusCode = 403;
            return context.Response.WriteAsync("<Error><Code>AccessDenied</Code></Error>");
        });
        using var store = Store(server);
        var exception = await Assert.ThrowsAsync<ApiException>(() => store.RemoveUnfinishedAsync("files/", Now, TestContext.Current.CancellationToken));
        Assert.Equal(CoreErrors.Unavailable, exception.Problem.Error);
    }

    /// <summary>A page with one old upload (<paramref name="age"/> days) and one of yesterday.</summary>
    private static string Page(string key, int age, bool isTruncated) =>
        $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
          <Bucket>scaigrid</Bucket><NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{key}-new</NextUploadIdMarker><MaxUploads>1000</MaxUploads>
          <IsTruncated>{(isTruncated ? "true" : "false")}</IsTruncated>
          <Upload><Key>{key}</Key><UploadId>{key}-old</UploadId><Initiated>{Now.AddDays(-age):yyyy-MM-ddTHH:mm:ss.fffZ}</Initiated></Upload>
          <Upload><Key>{key}</Key><UploadId>{key}-new</UploadId><Initiated>{Now.AddDays(-1):yyyy-MM-ddTHH:mm:ss.fffZ}</Initiated></Upload>
        </ListMultipartUploadsResult>
        """;

    /// <summary>A server whose bucket exists, and whose other requests are answered by <paramref name="uploads"/>.</summary>
    private static async Task<WebApplication> StartAsync(RequestDelegate uploads)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(context => HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : uploads(context));
        await app.StartAsync();
        return app;
    }

    private static S3BlobStore Store(WebApplication server)
    {
        var options = new StorageOptions { S3Endpoint = new Uri(server.Urls.First()), S3Bucket = "scaigrid", S3AccessKeyId = "a", S3SecretAccessKey = "b" };
        return new S3BlobStore(new S3Connection(options, NullLogger<S3Connection>.Instance), options, TimeProvider.System);
    }
}
