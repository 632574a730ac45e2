namespace ScaiGrid.Inference.Admission;

/// <summary>The scripts that Redis runs, each a file beside this one. The client sends a script once to a server and its hash after that.</summary>
public static class AdmissionScripts
{
    internal static readonly string Admit = Read("admit.lua");
    internal static readonly string Settle = Read("settle.lua");

    /// <summary>For whoever knows a budget's use from the database.</summary>
    public static readonly string Reconcile = Read("reconcile.lua");

    private static string Read(string name)
    {
        using var stream = typeof(AdmissionScripts).Assembly.GetManifestResourceStream($"ScaiGrid.Inference.Admission.Scripts.{name}")
            ?? throw new InvalidOperationException($"The script {name} is not in the build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
