import java.io.FileInputStream;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/** Reads ZIPs as a stream and by their directory, and fails where the two differ: java ReadBundle.java FILE... */
class ReadBundle {
    static String entry(ZipEntry entry, InputStream content) throws Exception {
        byte[] bytes = content.readAllBytes();
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
        return entry.getName() + ": " + bytes.length + " bytes, sha256 " + HexFormat.of().formatHex(hash);
    }

    static List<String> asStream(String path) throws Exception {
        List<String> found = new ArrayList<>();
        try (ZipInputStream zip = new ZipInputStream(new FileInputStream(path))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                found.add(entry(entry, zip));
            }
        }
        return found;
    }

    static List<String> byDirectory(String path) throws Exception {
        List<String> found = new ArrayList<>();
        try (ZipFile zip = new ZipFile(path)) {
            for (ZipEntry entry : zip.stream().toList()) {
                found.add(entry(entry, zip.getInputStream(entry)));
            }
        }
        return found;
    }

    public static void main(String[] paths) throws Exception {
        for (String path : paths) {
            List<String> entries = asStream(path);
            if (entries.isEmpty() || !entries.equals(byDirectory(path))) {
                throw new Exception(path + ": as a stream " + entries + ", by its directory " + byDirectory(path));
            }
            System.out.println(path + ": Java reads the same " + entries.size() + " entries both ways");
        }
    }
}
